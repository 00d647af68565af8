// The bar above GraphiQL: whose eyes we look through, and how subscriptions travel.

import { Belfry } from './emblem.jsx';

export function Header({ customers, customerId, onCustomer, transport, onTransport }) {
  const description = customers.find((customer) => customer.customerId === customerId)?.description;
  return (
    <header className="belfry-header">
      <Belfry />
      <h1>
        Belfry <span>GraphiQL</span>
      </h1>
      <p className="belfry-customer-description">{description}</p>
      <label>
        <span>Customer</span>
        <select name="customer" value={customerId} onChange={(event) => onCustomer(event.target.value)}>
          {customers.map((customer) => (
            <option key={customer.customerId} value={customer.customerId}>
              {customer.name}
            </option>
          ))}
        </select>
      </label>
      <label>
        <span>Subscriptions</span>
        <select name="transport" value={transport} onChange={(event) => onTransport(event.target.value)}>
          <option value="websocket">WebSocket</option>
          <option value="sse">Server-sent events</option>
        </select>
      </label>
    </header>
  );
}
