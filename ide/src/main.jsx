// The page: reads the demo's customers and operations, then shows GraphiQL signed in as the first customer.

import './workers.js';
import { GraphiQL } from 'graphiql';
import 'graphiql/style.css';
import { useMemo, useRef, useState } from 'react';
import { createRoot } from 'react-dom/client';
import { createFetcher } from './fetcher.js';
import { Header } from './header.jsx';
import { Session, getJson } from './session.js';
import './page.css';

function Page({ customers, operations }) {
  const [customerId, setCustomerId] = useState(customers[0].customerId);
  const [transport, setTransport] = useState('websocket');
  const chosen = useRef(transport);
  chosen.current = transport;
  const session = useMemo(() => new Session(customers[0].customerId), [customers]);
  // One fetcher for the life of the page: a new one would make GraphiQL read the whole schema again.
  const fetcher = useMemo(() => createFetcher(session, () => chosen.current), [session]);

  function become(id) {
    session.become(id);
    setCustomerId(id);
  }

  return (
    <>
      <Header
        customers={customers}
        customerId={customerId}
        onCustomer={become}
        transport={transport}
        onTransport={setTransport}
      />
      <main>
        <GraphiQL
          fetcher={fetcher}
          defaultTabs={operations.length > 0 ? operations.map(tab) : undefined}
          defaultEditorToolsVisibility="variables"
          inputValueDeprecation
          schemaDescription
          showPersistHeadersSettings={false}
        >
          <GraphiQL.Logo>
            <span />
          </GraphiQL.Logo>
        </GraphiQL>
      </main>
    </>
  );
}

function tab({ query, variables }) {
  return { query, variables: variables && JSON.stringify(variables, null, 2) };
}

async function start() {
  const root = createRoot(document.getElementById('root'));
  try {
    const [customers, operations] = await Promise.all([getJson('/graphiql/customers'), getJson('/graphiql/operations')]);
    if (customers.length === 0) throw new Error('The demo has no customers yet. Reload the page in a moment.');
    root.render(<Page customers={customers} operations={operations} />);
  } catch (problem) {
    root.render(<p className="belfry-problem">{problem.message}</p>);
  }
}

start();
