/**
 * The third column of docs/architecture.md, enforced: what each folder may import.
 * A folder may always import itself; everything not listed here is refused.
 */
const allowed = {
  domain: [],
  adapters: ['domain'],
  activities: ['adapters', 'domain'],
  workflows: ['domain'],
  workers: ['workflows', 'activities', 'adapters', 'domain'],
  api: ['domain', 'adapters'],
  services: ['domain', 'adapters'],
  // The one service that runs a workflow: its process is a worker with an HTTP face.
  'services/validator-engine': ['services', 'activities', 'workers', 'domain', 'adapters'],
  cli: ['domain', 'adapters'],
};
const ours = [...Object.keys(allowed), 'demo', 'test', 'bench'].filter((folder) => !folder.includes('/'));
const layers = Object.entries(allowed).map(([from, to]) => ({
  name: `${from.replace('/', '-')}-layer`,
  severity: 'error',
  comment: `${from}/ may import only ${[from, ...to].join(', ')}`,
  from: { path: `^${from}/`, ...(from === 'services' ? { pathNot: '^services/validator-engine/' } : {}) },
  to: { path: `^(${ours.filter((f) => f !== from && !to.includes(f)).join('|')})/`, dependencyTypesNot: ['type-only'] },
}));
module.exports = {
  forbidden: [
    ...layers,
    {
      name: 'type-imports-too',
      severity: 'error',
      comment: 'types may cross upward only from activities to workflows, and from workflows to api, cli and services',
      from: { path: '^(domain|adapters|activities)/' },
      to: { path: '^(workflows|workers|api|services|cli|demo|test|bench)/', dependencyTypes: ['type-only'] },
    },
    {
      name: 'product-never-imports-demo',
      severity: 'error',
      from: { path: '^(domain|adapters|activities|workflows|workers|api|services|cli)/' },
      to: { path: '^(demo|test|bench)/' },
    },
    {
      name: 'domain-is-pure',
      severity: 'error',
      comment: 'no I/O in domain/',
      from: { path: '^domain/' },
      to: { dependencyTypes: ['core'], pathNot: '^(node:)?crypto$' },
    },
    { name: 'no-cycles', severity: 'error', from: {}, to: { circular: true, dependencyTypesNot: ['type-only'] } },
  ],
  options: {
    tsPreCompilationDeps: 'specify',
    tsConfig: { fileName: 'tsconfig.json' },
    doNotFollow: { path: 'node_modules' },
    exclude: { path: '(^|/)(build|generated)/' },
  },
};
