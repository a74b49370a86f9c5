// Resolves `loglite:plugin/…@0.1.0`, which exists only in a component, to the stand-in.

export function resolve(specifier, context, next) {
  if (specifier.startsWith("loglite:plugin/")) {
    return { url: new URL("./host.js", import.meta.url).href, shortCircuit: true };
  }
  return next(specifier, context);
}
