// The audits of GraphQL over HTTP that npm's graphql-http brings, run as a client with a token.
import { serverAudits } from 'graphql-http'
import { headers, tell, url } from './session.mjs'

const fetchAsCustomer = (address, options) =>
  fetch(address, { ...options, headers: { ...options?.headers, ...headers } })

await tell({
  audits: async () => {
    const results = []
    for (const audit of serverAudits({ url, fetchFn: fetchAsCustomer })) {
      const { id, name, status, reason } = await audit.fn()
      results.push({ id, name, status, reason })
    }
    return results
  },
})
