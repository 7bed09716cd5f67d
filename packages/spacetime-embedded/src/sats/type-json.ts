import type { AlgebraicType } from 'spacetimedb';

/** A type as SATS-JSON, ready for JSON.stringify. */
export function algebraicTypeJson(type: AlgebraicType): Readonly<Record<string, unknown>> {
  switch (type.tag) {
    case 'Ref':
      return { Ref: type.value };
    case 'Array':
      return { Array: algebraicTypeJson(type.value) };
    case 'Product':
      return { Product: { elements: type.value.elements.map(member) } };
    case 'Sum':
      return { Sum: { variants: type.value.variants.map(member) } };
    default:
      return { [type.tag]: [] };
  }
}

function member({ name, algebraicType }: { readonly name: string | undefined; readonly algebraicType: AlgebraicType }) {
  return { name: name === undefined ? { none: [] } : { some: name }, algebraic_type: algebraicTypeJson(algebraicType) };
}
