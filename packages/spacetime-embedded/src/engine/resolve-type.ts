import { AlgebraicType, type ProductType } from 'spacetimedb';
import { EngineError } from './errors.ts';
import { camelCase, snakeCase } from './names.ts';

/** Turns types of a module into types without references, with canonical names inside. */
export class TypeResolver {
  readonly #types: readonly AlgebraicType[];
  readonly #snakeCase: boolean;

  constructor(types: readonly AlgebraicType[], useSnakeCase: boolean) {
    this.#types = types;
    this.#snakeCase = useSnakeCase;
  }

  /** @throws {EngineError} `module_unsupported` for a type that contains itself. */
  resolve(type: AlgebraicType, open: readonly number[] = []): AlgebraicType {
    switch (type.tag) {
      case 'Ref': {
        const target = this.#types[type.value];
        if (target === undefined) throw new EngineError('module_invalid', 'A type refers to one that does not exist.');
        if (open.includes(type.value)) {
          throw new EngineError('module_unsupported', 'The module has a type that contains itself.');
        }
        return this.resolve(target, [...open, type.value]);
      }
      case 'Product':
        return AlgebraicType.Product(this.product(type.value, open));
      case 'Array':
        return AlgebraicType.Array(this.resolve(type.value, open));
      case 'Sum': {
        const keepNames = isScheduleAt(type) || !this.#snakeCase;
        return AlgebraicType.Sum({
          variants: type.value.variants.map(({ name, algebraicType }) => ({
            name: name === undefined || keepNames ? name : camelCase(name),
            algebraicType: this.resolve(algebraicType, open),
          })),
        });
      }
      default:
        return type;
    }
  }

  product(type: ProductType, open: readonly number[] = []): ProductType {
    return {
      elements: type.elements.map(({ name, algebraicType }) => ({
        name: name === undefined ? undefined : this.fieldName(name),
        algebraicType: this.resolve(algebraicType, open),
      })),
    };
  }

  /** Field names of a product of the typespace as the source has them. */
  sourceNames(ref: number): readonly (string | undefined)[] {
    const type = this.#types[ref];
    return type?.tag === 'Product' ? type.value.elements.map((element) => element.name) : [];
  }

  /** `__identity__` and its like are not names but marks of the built-in types. */
  fieldName(name: string): string {
    return this.#snakeCase && !/^__.*__$/.test(name) ? snakeCase(name) : name;
  }
}

/** Whether a type is `ScheduleAt`: an interval or a time. */
export function isScheduleAt(type: AlgebraicType): boolean {
  if (type.tag !== 'Sum') return false;
  const names = type.value.variants.map((variant) => variant.name);
  return names.length === 2 && names[0] === 'Interval' && names[1] === 'Time';
}
