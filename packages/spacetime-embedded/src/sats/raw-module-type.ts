import { AlgebraicType } from 'spacetimedb';

type Type = AlgebraicType;

/** The place of the type of types in {@link rawModuleTypes}: it contains itself. */
const typeOfTypes = AlgebraicType.Ref(0);

const product = (elements: Readonly<Record<string, Type>>): Type =>
  AlgebraicType.Product({
    elements: Object.entries(elements).map(([name, algebraicType]) => ({ name, algebraicType })),
  });
const sum = (variants: Readonly<Record<string, Type>>): Type =>
  AlgebraicType.Sum({
    variants: Object.entries(variants).map(([name, algebraicType]) => ({ name, algebraicType })),
  });
const option = (some: Type): Type => sum({ some, none: product({}) });
const list = (item: Type): Type => AlgebraicType.Array(item);
const units = (...names: readonly string[]): Type => sum(Object.fromEntries(names.map((name) => [name, product({})])));

const { String: text, Bool: bool, U16: u16, U32: u32, I128: i128, U8: u8 } = AlgebraicType;
const named = { name: option(text), algebraic_type: typeOfTypes };
const productType = product({ elements: list(product(named)) });
const unit = product({});

const scalarNames = 'String Bool I8 U8 I16 U16 I32 U32 I64 U64 I128 U128 I256 U256 F32 F64'.split(' ');

const algebraicType = sum({
  Ref: u32,
  Sum: product({ variants: list(product(named)) }),
  Product: productType,
  Array: typeOfTypes,
  ...Object.fromEntries(scalarNames.map((name) => [name, unit])),
});

const visibility = units('Private', 'ClientCallable');
const name = (member: string) => product({ source_name: text, [member]: text });

const table = product({
  source_name: text,
  product_type_ref: u32,
  primary_key: list(u16),
  indexes: list(
    product({
      source_name: option(text),
      accessor_name: option(text),
      algorithm: sum({ BTree: list(u16), Hash: list(u16), Direct: u16 }),
    }),
  ),
  constraints: list(product({ source_name: option(text), data: sum({ Unique: product({ columns: list(u16) }) }) })),
  sequences: list(
    product({
      source_name: option(text),
      column: u16,
      start: option(i128),
      min_value: option(i128),
      max_value: option(i128),
      increment: i128,
    }),
  ),
  table_type: units('System', 'User'),
  table_access: units('Public', 'Private'),
  default_values: list(product({ col_id: u16, value: list(u8) })),
  is_event: bool,
});

const method = sum({
  ...Object.fromEntries('Get Head Post Put Delete Connect Options Trace Patch'.split(' ').map((verb) => [verb, unit])),
  Extension: text,
});

/** A module definition of version 10. */
export const rawModuleV10: Type = product({
  sections: list(
    sum({
      Typespace: product({ types: list(typeOfTypes) }),
      Types: list(
        product({
          source_name: product({ scope: list(text), source_name: text }),
          ty: u32,
          custom_ordering: bool,
        }),
      ),
      Tables: list(table),
      Reducers: list(
        product({
          source_name: text,
          params: productType,
          visibility,
          ok_return_type: typeOfTypes,
          err_return_type: typeOfTypes,
        }),
      ),
      Procedures: list(product({ source_name: text, params: productType, return_type: typeOfTypes, visibility })),
      Views: list(
        product({
          source_name: text,
          index: u32,
          is_public: bool,
          is_anonymous: bool,
          params: productType,
          return_type: typeOfTypes,
        }),
      ),
      Schedules: list(
        product({ source_name: option(text), table_name: text, schedule_at_col: u16, function_name: text }),
      ),
      LifeCycleReducers: list(
        product({ lifecycle_spec: units('Init', 'OnConnect', 'OnDisconnect'), function_name: text }),
      ),
      RowLevelSecurity: list(product({ sql: text })),
      CaseConversionPolicy: units('None', 'SnakeCase'),
      ExplicitNames: product({
        entries: list(
          sum({ Table: name('canonical_name'), Function: name('canonical_name'), Index: name('canonical_name') }),
        ),
      }),
      HttpHandlers: list(product({ source_name: text })),
      HttpRoutes: list(product({ handler_function: text, method: sum({ Any: unit, Method: method }), path: text })),
      ViewPrimaryKeys: list(product({ view_source_name: text, columns: list(text) })),
      Submodules: list(product({ namespace: text, module: AlgebraicType.Ref(1) })),
    }),
  ),
});

/** What the references in {@link rawModuleV10} refer to. */
export const rawModuleTypes: readonly Type[] = [algebraicType, rawModuleV10];
