// Monaco's language services run in workers served by the gateway; build.mjs fills in their hashed names.

const ADDRESSES = { json: JSON_WORKER, graphql: GRAPHQL_WORKER };

globalThis.MonacoEnvironment = {
  getWorker: (_, label) => new Worker(ADDRESSES[label] ?? EDITOR_WORKER),
};
