// What can go wrong between a plugin and loglite.

/** Throw it from `run` or `configure` when the plugin can't go on. It is started again after a pause. */
export class Failure extends Error {
  name = "Failure";
}

/** Throw it when the plugin's `config:` can't be used: name the key, and what was expected. */
export class InvalidConfig extends Failure {
  name = "InvalidConfig";
}

/** Thrown by `ingest` when the plugin should end. Let it pass through `run`. */
export class Stopping extends Error {
  name = "Stopping";

  constructor() {
    super("loglite asks the harvester to end");
  }
}

/** Thrown by `ingest` for an entry that no call can carry. */
export class EntryTooLarge extends Error {
  name = "EntryTooLarge";

  constructor(index, size, limit) {
    super(
      `entry ${index} and the checkpoint take ${size} bytes, and one call may take ${limit}; ` +
        "shorten the entry or raise `bytes_per_call` in the plugin's `limits:`",
    );
    Object.assign(this, { index, size, limit });
  }
}

/** Thrown by `http.request` when there is no response; `reason` is a case of `http-error`, such as `denied`. */
export class HttpError extends Error {
  name = "HttpError";

  constructor(reason, message) {
    super(message);
    this.reason = reason;
  }
}

/** The case of a WIT variant that an import threw; none if it is another kind of error. */
export function caseOf(thrown) {
  const variant = thrown?.payload ?? thrown;
  return typeof variant?.tag === "string" ? variant : undefined;
}

/** Runs what a plugin does; what it throws becomes the failure that loglite understands. */
export function failing(action, log) {
  try {
    action();
  } catch (error) {
    if (error instanceof Failure) {
      throw { tag: error instanceof InvalidConfig ? "invalid-config" : "failed", val: error.message };
    }
    const text = error instanceof Error ? `${error.name}: ${error.message}` : `thrown: ${JSON.stringify(error)}`;
    // The stack is for those who look closer; the text is what the operator sees.
    log("debug", `${text}\n${error?.stack ?? ""}`);
    throw { tag: "failed", val: text };
  }
}
