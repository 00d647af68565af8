// A bell tower, drawn in the colour of the text around it.

export function Belfry() {
  return (
    <svg className="belfry-emblem" viewBox="0 0 32 32" aria-hidden="true" fill="currentColor">
      <path d="M16 1 27 9H5Z" />
      <path fillRule="evenodd" d="M7 11h18v16h2v4H5v-4h2Zm4 16h10V19a5 5 0 0 0-10 0Z" />
      <path d="M16 16a3 3 0 0 0-3 3v3l-1 2h8l-1-2v-3a3 3 0 0 0-3-3Z" />
    </svg>
  );
}
