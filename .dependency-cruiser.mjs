// The rules of who may know whom. docs/architecture.md says them in words.
const leaf = (name) => `^packages/${name}/`;

export default {
  forbidden: [
    { name: 'no-circular', severity: 'error', from: {}, to: { circular: true } },
    {
      name: 'contract-knows-nobody',
      severity: 'error',
      from: { path: leaf('sync-contract') },
      to: { path: '^(packages/(?!sync-contract/)|apps/|modules/|testing/|bench/)' },
    },
    {
      name: 'packages-know-only-the-contract',
      comment:
        'A package imports sync-contract and nothing else of this repository; tests may use the embedded host and testing/.',
      severity: 'error',
      from: { path: '^packages/([^/]+)/src/' },
      to: { path: '^packages/', pathNot: ['^packages/sync-contract/', '^packages/$1/'] },
    },
    {
      name: 'packages-know-no-app',
      severity: 'error',
      from: { path: '^packages/' },
      to: { path: '^apps/' },
    },
    {
      name: 'modules-know-only-the-contract',
      severity: 'error',
      from: { path: '^modules/[^/]+/src/' },
      to: { path: '^(packages/(?!sync-contract/)|apps/|testing/)' },
    },
    {
      name: 'apps-know-no-other-app',
      severity: 'error',
      from: { path: '^apps/([^/]+)/' },
      to: { path: '^apps/', pathNot: '^apps/$1/' },
    },
    {
      name: 'embedded-host-only-at-entry-points',
      severity: 'error',
      from: { path: '^(apps/[^/]+/src|modules/[^/]+/src)', pathNot: '^apps/[^/]+/src/main\\.ts$' },
      to: { path: leaf('spacetime-embedded') },
    },
    {
      name: 'codex-lane-knows-no-sync',
      comment: 'Local Codex must not notice whether sync is dead, hung or flooding.',
      severity: 'error',
      from: { path: '^apps/desktop/src/codex/' },
      to: { path: '^(packages/(session|apply-engine|checkpoint)|apps/desktop/src/(sync|core|server))/' },
    },
    {
      name: 'sources-import-no-tests',
      severity: 'error',
      from: { path: '^(packages|apps|modules)/[^/]+/src/' },
      to: { path: '(^testing/|/test/)' },
    },
  ],
  options: {
    parser: 'swc',
    doNotFollow: { path: 'node_modules' },
    exclude: { path: '(/dist/|node_modules)' },
    enhancedResolveOptions: {
      exportsFields: ['exports'],
      conditionNames: ['@autopilot/source', 'import', 'node', 'types', 'default'],
    },
  },
};
