// What every script here shares: where the edge is, who asks, and how what was seen is told.
// node <client>.mjs URL URL_THROUGH_THE_TUNNEL TOKEN

export const [url, tunnelUrl, token] = process.argv.slice(2)
export const socketUrl = (of) => of.replace(/^http/, 'ws')
export const headers = { authorization: `Bearer ${token}` }

const STEP_MS_MAX = 8_000

/** Runs the steps one after another and prints what each returned, or `{ thrown }`, as JSON. */
export async function tell(steps) {
  const seen = {}
  for (const [name, step] of Object.entries(steps)) {
    try {
      seen[name] = await Promise.race([step(), late(name)])
    } catch (error) {
      seen[name] = { thrown: error?.stack ?? JSON.stringify(error) }
    }
  }
  process.stdout.write(JSON.stringify(seen), () => process.exit(0))
}

function late(name) {
  return new Promise((_, reject) => setTimeout(() => reject(new Error(`${name} did not end`)), STEP_MS_MAX))
}

/** Asks past the client under test: opens gates, cuts lines, mints tokens. */
export async function ask(query, variables = {}) {
  const answer = await fetch(url, {
    method: 'POST',
    headers: { ...headers, 'content-type': 'application/json' },
    body: JSON.stringify({ query, variables }),
  })
  return (await answer.json()).data
}

export const openGate = (gate) => ask('mutation ($gate: String!) { openGate(gate: $gate) }', { gate })
export const cutLines = () => ask('mutation { cut }')
export const briefToken = async (seconds) =>
  (await ask('query ($seconds: Float!) { briefToken(seconds: $seconds) }', { seconds })).briefToken

export const documents = {
  query: 'query Greeting($name: String!) { greeting(name: $name) }',
  mutation: 'mutation Rename($name: String!) { rename(name: $name) }',
  partial: '{ away greeting(name: "Ada") }',
  invalid: '{ nonsense }',
  count: 'subscription Count($to: Int!) { count(to: $to) }',
  failing: 'subscription { failing }',
  feed: 'subscription Feed($after: String) { feed(after: $after) { number cursor } }',
  defer: 'query Report($gate: String!) { report { id title ... @defer { details(gate: $gate) } } }',
  stream: 'query Lines($gate: String!) { report { id lines(gate: $gate) @stream(initialCount: 1) } }',
}

export const shown = (errors) => errors.map(({ message, path, extensions }) => ({ message, path, ...extensions }))
