// The demo customer whose eyes the page looks through. Keeps one token, renews it before it expires, and closes what
// was opened for the customer before. Tokens stay in memory: nothing is written to the browser's storage.

import { createClient as createSocketClient } from 'graphql-ws';
import { createClient as createStreamClient } from 'graphql-sse';

const ENDPOINT = '/graphql';
const RENEW_BEFORE_MS = 30_000;

export async function getJson(path) {
  return readJson(await fetch(path, { headers: { accept: 'application/json' } }));
}

async function readJson(response) {
  if (!response.ok) throw new Error(`${response.url} answered ${response.status}: ${await response.text()}`);
  return response.json();
}

function expiresAtMs(token) {
  const claims = token.split('.')[1].replaceAll('-', '+').replaceAll('_', '/');
  return JSON.parse(atob(claims)).exp * 1000;
}

export class Session {
  #customerId;
  #token = null;
  #clients = new Map();

  constructor(customerId) {
    this.#customerId = customerId;
  }

  become(customerId) {
    this.#customerId = customerId;
    this.#token = null;
    for (const client of this.#clients.values()) client.dispose();
    this.#clients.clear();
  }

  async authorization() {
    if (this.#token === null || expiresAtMs(this.#token) - Date.now() < RENEW_BEFORE_MS) {
      this.#token = await this.#mint();
    }
    return { Authorization: `Bearer ${this.#token}` };
  }

  async post(request, headers) {
    const response = await fetch(ENDPOINT, {
      method: 'POST',
      headers: {
        'content-type': 'application/json',
        accept: 'application/graphql-response+json, application/json;q=0.9',
        ...(await this.authorization()),
        ...headers,
      },
      body: JSON.stringify(request),
    });
    return response.json();
  }

  subscribe(request, transport) {
    if (!this.#clients.has(transport)) this.#clients.set(transport, this.#open(transport));
    return this.#clients.get(transport).iterate(request);
  }

  #open(transport) {
    if (transport === 'sse') return createStreamClient({ url: ENDPOINT, headers: () => this.authorization() });
    return createSocketClient({
      url: `${location.origin.replace(/^http/, 'ws')}${ENDPOINT}`,
      connectionParams: () => this.authorization(),
    });
  }

  async #mint() {
    const body = JSON.stringify({ customerId: this.#customerId });
    const headers = { 'content-type': 'application/json' };
    return (await readJson(await fetch('/graphiql/token', { method: 'POST', headers, body }))).token;
  }
}
