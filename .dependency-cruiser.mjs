// The rules of who may know whom. docs/architecture.md says them in words.
const leaf = (name) => `^packages/${name}/`;
/** Tests of an app that need the khala lane, and go with it: tools/stage3/removal.ts deletes the same. */
const laneTests = ['^apps/[^/]+/test/khala[./-]', '^apps/[^/]+/test/.+/khala[./-]'];

export default {
  forbidden: [
    { name: 'no-circular', severity: 'error', from: {}, to: { circular: true } },
    {
      name: 'contract-knows-nobody',
      comment: 'Its tests share the arbitrary of texts, which knows nobody either.',
      severity: 'error',
      from: { path: leaf('sync-contract') },
      to: { path: '^(packages/(?!sync-contract/)|apps/|modules/|testing/(?!src/any-text\\.ts$)|bench/)' },
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
      name: 'legacy-lane-only-in-lane-files',
      comment:
        'One file in each app imports the khala lane, and tests that go away with it: a folder or a file named khala.',
      severity: 'error',
      from: {
        pathNot: ['^packages/legacy-lane/', '^apps/[^/]+/src/lanes/khala\\.ts$', ...laneTests],
      },
      to: { path: leaf('legacy-lane') },
    },
    {
      name: 'lane-files-only-dynamically',
      comment: 'What imports a lane file statically cannot start without it.',
      severity: 'error',
      from: { pathNot: laneTests },
      to: { path: '^apps/[^/]+/src/lanes/khala\\.ts$', dynamic: false },
    },
    {
      name: 'data-path-knows-no-cutover',
      comment: 'What carries events knows neither stages nor the other lane nor the bridge.',
      severity: 'error',
      from: { path: '^packages/(session|apply-engine|checkpoint)/' },
      to: { path: '^packages/(nostr-bridge|legacy-lane|cutover-flags)/' },
    },
    {
      name: 'bridge-knows-no-lane',
      comment: 'The bridge reads a journal through a port: it works, or is dead, without any lane noticing.',
      severity: 'error',
      from: { path: leaf('nostr-bridge') },
      to: { path: '^packages/(session|apply-engine|checkpoint|legacy-lane|cutover-flags|spacetime-embedded)/' },
    },
    {
      name: 'cutover-flags-knows-no-lane',
      comment: 'Rules, gates and parity judge what they are given; they load no lane, tests included.',
      severity: 'error',
      from: { path: leaf('cutover-flags') },
      to: { path: '^packages/(session|apply-engine|checkpoint|legacy-lane|nostr-bridge|spacetime-embedded)/' },
    },
    {
      name: 'sources-import-no-tests',
      comment: 'The rehearsal is made of test equipment: it runs the khala fixture behind fault proxies.',
      severity: 'error',
      from: { path: '^(packages|apps|modules)/[^/]+/src/', pathNot: '^apps/launcher/src/rehearse/' },
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
