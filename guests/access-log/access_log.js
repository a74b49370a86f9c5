// Reads lines of web servers' access logs, in the common or combined format, into fields.
//
// Configuration: `field` (message) holds the line; `otherwise` (keep) says what becomes of entries whose field holds
// no such line, or that have no such field: `keep` or `refuse`.
import { InvalidConfig, defineTransform, extend, keep, refuse } from "../../guest-sdk/javascript/transform.js";
import { parseLine } from "./line.js";

const OTHERWISE = ["keep", "refuse"];
const settings = { field: "message", otherwise: "keep" };

export const transform = defineTransform({
  configure(config) {
    const unknown = Object.keys(config).find((key) => !(key in settings));
    if (unknown !== undefined) {
      throw new InvalidConfig(`unknown key \`${unknown}\`; there are: ${Object.keys(settings).join(", ")}`);
    }
    const { field = "message", otherwise = "keep" } = config;
    if (typeof field !== "string" || field === "") {
      throw new InvalidConfig(`\`field\` must be the name of a field, not ${JSON.stringify(field)}`);
    }
    if (!OTHERWISE.includes(otherwise)) {
      throw new InvalidConfig(`\`otherwise\` must be one of ${OTHERWISE.join(", ")}, not ${JSON.stringify(otherwise)}`);
    }
    Object.assign(settings, { field, otherwise });
  },

  apply(entry, context) {
    const line = entry[settings.field];
    const fields = typeof line === "string" ? parseLine(line) : undefined;
    if (fields !== undefined) {
      return extend(context, fields);
    }
    return settings.otherwise === "keep" ? keep() : refuse(`\`${settings.field}\` holds no line of an access log`);
  },
});
