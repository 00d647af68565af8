// How GraphiQL runs an operation: subscriptions over the chosen transport, everything else over HTTP.

import { getOperationAST } from 'graphql';

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

export function createFetcher(session, transport) {
  return (request, { documentAST, headers } = {}) => {
    const operation = documentAST && getOperationAST(documentAST, request.operationName);
    if (operation?.operation !== 'subscription') return session.post(request, headers);
    return streamed(session.subscribe(request, transport()));
  };
}
