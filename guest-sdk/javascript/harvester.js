// What a harvester imports. `harvester.d.ts` is its documentation.
import { sleep as wait, stopping } from "loglite:plugin/lifecycle@0.1.0";
import { Stopping, failing } from "./lib/errors.js";
import { writeLog } from "./lib/log.js";

export { EntryTooLarge, Failure, HttpError, InvalidConfig, Stopping } from "./lib/errors.js";
export { http } from "./lib/http.js";
export { ingest, lastCheckpoint, lastCheckpointBytes } from "./lib/ingestor.js";
export { log } from "./lib/log.js";
export { stopping };

export function sleep(seconds) {
  return wait(Math.max(0, Math.round(seconds * 1000)));
}

export function defineHarvester(plugin) {
  if (typeof plugin?.run !== "function") {
    throw new TypeError("defineHarvester takes an object with a function `run(config)`");
  }
  return {
    run(config) {
      failing(() => {
        try {
          plugin.run(JSON.parse(config));
        } catch (error) {
          if (!(error instanceof Stopping)) {
            throw error;
          }
        }
      }, writeLog);
    },
  };
}
