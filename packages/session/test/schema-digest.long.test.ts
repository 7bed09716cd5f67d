import { startEmbedded } from '@autopilot/spacetime-embedded';
import { isPayloadHash } from '@autopilot/sync-contract';
import { systemHttp } from '@autopilot/sync-contract/system-ports';
import { beforeAll, describe, expect, test } from '@jest/globals';
import { moduleSchemaDigest } from '../src/index.ts';
import { moduleBundle } from './support/module-bundle.ts';

// biome-ignore lint/suspicious/noExplicitAny: a tree that the tests change here and there
type Definition = any;
let text: string;

beforeAll(async () => {
  const host = await startEmbedded({ module: moduleBundle(), database: 'sync', listen: '127.0.0.1:0' });
  const answer = await systemHttp({ method: 'GET', url: `${host.url}/v1/database/sync/schema?version=10` });
  text = answer.body;
  await host.close();
});

const fresh = (): Definition => JSON.parse(text);
const section = (definition: Definition, name: string) =>
  definition.sections.find((one: object) => name in one)[name] as Definition;
/** The digest after a change; the change says that it found what it changes by returning it. */
const digestAfter = (change: (definition: Definition) => unknown) => {
  const definition = fresh();
  expect(change(definition)).toBeDefined();
  return moduleSchemaDigest(definition);
};

describe('the digest of a module schema', () => {
  test('is the same for the same module, whatever the order of its declarations and the numbers of its types', () => {
    const digest = moduleSchemaDigest(fresh());
    expect(isPayloadHash(digest)).toBe(true);
    for (const name of ['Tables', 'Reducers', 'Views', 'RowLevelSecurity', 'Types']) {
      expect(digestAfter((definition) => section(definition, name).reverse())).toBe(digest);
    }
    expect(digestAfter((definition) => definition.sections.reverse())).toBe(digest);
    const renumbered = fresh();
    const { types } = section(renumbered, 'Typespace');
    const last = types.length - 1;
    types.reverse();
    const walk = (value: Definition): void => {
      if (typeof value !== 'object' || value === null) return;
      for (const [member, inner] of Object.entries(value)) {
        if (['Ref', 'product_type_ref', 'ty'].includes(member)) value[member] = last - (inner as number);
        else walk(inner);
      }
    };
    walk(renumbered);
    expect(moduleSchemaDigest(renumbered)).toBe(digest);
  });

  test.each<[string, (definition: Definition) => unknown]>([
    ['a table is gone', (definition) => section(definition, 'Tables').pop()],
    [
      'a table is renamed',
      (definition) => {
        section(definition, 'Tables')[0].source_name = 'other';
        return true;
      },
    ],
    [
      'a table becomes public',
      (definition) => {
        section(definition, 'Tables')[0].table_access = { Public: [] };
        return true;
      },
    ],
    ['an index is gone', (definition) => section(definition, 'Tables')[1].indexes.pop()],
    [
      'a column has another type',
      (definition) => {
        const { types } = section(definition, 'Typespace');
        types[section(definition, 'Tables')[0].product_type_ref].Product.elements[0].algebraic_type = { U64: [] };
        return types;
      },
    ],
    [
      'columns change places',
      (definition) => {
        const { types } = section(definition, 'Typespace');
        return types[section(definition, 'Tables')[0].product_type_ref].Product.elements.reverse();
      },
    ],
    ['a reducer takes an argument less', (definition) => section(definition, 'Reducers')[0].params.elements.pop()],
    ['a rule for rows is gone', (definition) => section(definition, 'RowLevelSecurity').pop()],
    [
      'a reducer is scheduled elsewhere',
      (definition) => {
        section(definition, 'Schedules')[0].function_name = 'other';
        return true;
      },
    ],
  ])('is another one when %s', (_what, change) => {
    expect(digestAfter(change)).not.toBe(moduleSchemaDigest(fresh()));
  });

  test('ends for a type that contains itself', () => {
    const recursive = (ref: number) => ({
      sections: [
        { Typespace: { types: [{ Array: { Ref: ref } }, { Product: { elements: [] } }] } },
        { Tables: [{ source_name: 't', product_type_ref: 0 }] },
      ],
    });
    expect(moduleSchemaDigest(recursive(0))).not.toBe(moduleSchemaDigest(recursive(1)));
  });

  test.each([
    null,
    'text',
    {},
    { sections: 1 },
    { sections: [{}] },
    { sections: [{ Typespace: { types: [] } }, { Tables: [] }] },
    { sections: [{ Typespace: { types: [] } }, { Tables: [{ product_type_ref: 7 }] }] },
    { sections: [{ Tables: [] }, { Tables: [] }] },
  ])('refuses what is no definition: %j', (definition) => {
    expect(() => moduleSchemaDigest(definition)).toThrow(expect.objectContaining({ code: 'schema_unreadable' }));
  });
});
