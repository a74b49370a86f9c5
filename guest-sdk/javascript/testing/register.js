// For `node --import …/testing/register.js --test`: lets imports of loglite find the stand-in.
import { register } from "node:module";

register("./hooks.js", import.meta.url);
