// How GraphiQL runs an operation: subscriptions over the chosen transport, everything else over HTTP.

import { getOperationAST, parse } from 'graphql';

function readable(problem) {
  if (problem instanceof CloseEvent) return new Error(`The socket was closed: ${problem.code} ${problem.reason}`.trim());
  if (Array.isArray(problem)) return { errors: problem };
  return problem;
}

async function* streamed(results) {
  try {
    yield* results;
  } catch (problem) {
    throw readable(problem);
  }
}

// Just after a tab was chosen GraphiQL still names the operation of the one before, and knows its document.
function understood(request) {
  try {
    const document = parse(request.query);
    const operations = document.definitions.filter(({ kind }) => kind === 'OperationDefinition');
    const operationName = operations.length === 1 ? operations[0].name?.value : request.operationName;
    return { document, request: { ...request, operationName } };
  } catch {
    return { request }; // the gateway says what is wrong with it
  }
}

export function createFetcher(session, transport) {
  return (given, { headers } = {}) => {
    const { document, request } = understood(given);
    const operation = document && getOperationAST(document, request.operationName);
    if (operation?.operation !== 'subscription') return session.post(request, headers);
    return streamed(session.subscribe(request, transport()));
  };
}
