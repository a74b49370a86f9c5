// A heartbeat: one entry per interval, so that a silent log means a dead service and not a quiet one.
//
// Configuration: `interval` in seconds (5), `service` (heartbeat), `level` (INFO), `message` (heartbeat N).
import { InvalidConfig, defineHarvester, ingest, lastCheckpoint, sleep, stopping } from "../../guest-sdk/javascript/harvester.js";

const KEYS = ["interval", "service", "level", "message"];

export const harvester = defineHarvester({
  // The number of beats is the checkpoint, so counting goes on after a restart.
  run(config) {
    const interval = intervalOf(config);
    let beats = lastCheckpoint(0);
    while (!stopping()) {
      beats += 1;
      ingest([entryOf(config, beats)], beats);
      sleep(interval);
    }
  },
});

/** The seconds between two beats. */
function intervalOf(config) {
  const unknown = Object.keys(config).find((key) => !KEYS.includes(key));
  if (unknown !== undefined) {
    throw new InvalidConfig(`unknown key \`${unknown}\`; there are: ${KEYS.join(", ")}`);
  }
  const { interval = 5 } = config;
  if (!(typeof interval === "number" && interval > 0 && interval <= 86_400)) {
    throw new InvalidConfig(`\`interval\` must be a number of seconds above 0, up to 86400, not ${JSON.stringify(interval)}`);
  }
  return interval;
}

/** One beat. */
function entryOf({ level = "INFO", service = "heartbeat", message }, beats) {
  return { timestamp: new Date().toISOString(), level, service, message: message ?? `heartbeat ${beats}` };
}
