// Bundles the GraphiQL page into gateway/static/graphiql: everything it needs, under names that carry their content's hash.

import { build } from 'esbuild';
import { mkdir, rename, rm, writeFile } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const here = dirname(fileURLToPath(import.meta.url));
const finished = join(here, '../gateway/static/graphiql');
const out = `${finished}.new`;
const address = '/graphiql/assets';

const shared = {
  absWorkingDir: here,
  bundle: true,
  minify: true,
  metafile: true,
  logLevel: 'warning',
  legalComments: 'none',
  target: ['es2022'],
  outdir: join(out, 'assets'),
  entryNames: '[name]-[hash]',
  chunkNames: '[name]-[hash]',
  assetNames: '[name]-[hash]',
  publicPath: address,
  define: { 'process.env.NODE_ENV': '"production"' },
  loader: { '.ttf': 'file' },
};

function outputOf(result, entryPoint) {
  const [path, output] = Object.entries(result.metafile.outputs).find(([, output]) => output.entryPoint === entryPoint);
  return { script: addressOf(path), style: output.cssBundle && addressOf(output.cssBundle) };
}

function addressOf(path) {
  return `${address}/${basename(path)}`;
}

async function buildWorker(path) {
  return outputOf(await build({ ...shared, entryPoints: [path], format: 'iife' }), path).script;
}

async function buildPage() {
  const workers = {
    EDITOR_WORKER: 'monaco-editor/esm/vs/editor/editor.worker.js',
    JSON_WORKER: 'monaco-editor/esm/vs/language/json/json.worker.js',
    GRAPHQL_WORKER: 'monaco-graphql/esm/graphql.worker.js',
  };
  const names = await Promise.all(
    Object.entries(workers).map(async ([name, path]) => [name, JSON.stringify(await buildWorker(`node_modules/${path}`))]),
  );
  const define = { ...shared.define, ...Object.fromEntries(names) };
  const page = await build({
    ...shared, define, entryPoints: ['src/main.jsx'], format: 'esm', splitting: true, jsx: 'automatic',
  });
  return outputOf(page, 'src/main.jsx');
}

function markup({ script, style }) {
  return `<!doctype html>
<html lang="en">
  <head>
    <meta charset="utf-8">
    <meta name="viewport" content="width=device-width, initial-scale=1">
    <title>Belfry · GraphiQL</title>
    <link rel="icon" href="data:,">
    <link rel="stylesheet" href="${style}">
    <script type="module" src="${script}"></script>
  </head>
  <body>
    <div id="root"></div>
    <noscript>GraphiQL needs JavaScript.</noscript>
  </body>
</html>
`;
}

await rm(out, { recursive: true, force: true });
await mkdir(out, { recursive: true });
await writeFile(join(out, 'index.html'), markup(await buildPage()));
await rm(finished, { recursive: true, force: true });
await rename(out, finished);
