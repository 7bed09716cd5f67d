/** Entries of a leaf and children of a branch. */
const capacity = 64;
const sparse = capacity / 4;
const mergeable = (capacity * 3) / 4;

interface Leaf<V> {
  readonly kind: 'leaf';
  keys: string[];
  values: V[];
  next: Leaf<V> | undefined;
}

interface Branch<V> {
  readonly kind: 'branch';
  /** `keys[i]` is not above any key of `children[i + 1]` and above every key of `children[i]`. */
  keys: string[];
  children: Node<V>[];
}

type Node<V> = Leaf<V> | Branch<V>;

interface Split<V> {
  readonly key: string;
  readonly right: Node<V>;
}

/**
 * A sorted map from string keys (compared by UTF-16 code units) to values: a B+tree. Insert, delete and seek are
 * O(log n), and appending in order, at the end or inside, leaves full leaves behind.
 */
export class BTree<V> {
  #root: Node<V> = { kind: 'leaf', keys: [], values: [], next: undefined };
  #size = 0;

  get size(): number {
    return this.#size;
  }

  get(key: string): V | undefined {
    const leaf = this.#seek(key);
    const at = lowerBound(leaf.keys, key);
    return leaf.keys[at] === key ? leaf.values[at] : undefined;
  }

  /** Adds or replaces. */
  set(key: string, value: V): void {
    const split = this.#insert(this.#root, key, value);
    if (split !== undefined) {
      this.#root = { kind: 'branch', keys: [split.key], children: [this.#root, split.right] };
    }
  }

  /** Whether the key was there. */
  delete(key: string): boolean {
    if (!this.#remove(this.#root, key)) return false;
    this.#size -= 1;
    while (this.#root.kind === 'branch' && this.#root.children.length === 1) {
      const [only] = this.#root.children;
      if (only === undefined) break;
      this.#root = only;
    }
    return true;
  }

  /** Values with `from <= key < to`, in key order. The tree must not change while this is read. */
  *range(from: string, to: string): Generator<V, void> {
    let leaf: Leaf<V> | undefined = this.#seek(from);
    let at = lowerBound(leaf.keys, from);
    while (leaf !== undefined) {
      for (; at < leaf.keys.length; at += 1) {
        if ((leaf.keys[at] as string) >= to) return;
        yield leaf.values[at] as V;
      }
      leaf = leaf.next;
      at = 0;
    }
  }

  /** The first entry by key order. */
  first(): { readonly key: string; readonly value: V } | undefined {
    let leaf: Leaf<V> | undefined = this.#seek('');
    while (leaf !== undefined) {
      const key = leaf.keys[0];
      if (key !== undefined) return { key, value: leaf.values[0] as V };
      leaf = leaf.next;
    }
    return undefined;
  }

  #seek(key: string): Leaf<V> {
    let node = this.#root;
    while (node.kind === 'branch') node = node.children[upperBound(node.keys, key)] as Node<V>;
    return node;
  }

  #insert(node: Node<V>, key: string, value: V): Split<V> | undefined {
    if (node.kind === 'leaf') {
      const at = lowerBound(node.keys, key);
      if (node.keys[at] === key) {
        node.values[at] = value;
        return undefined;
      }
      this.#size += 1;
      if (node.keys.length < capacity) {
        insertAt(node.keys, at, key);
        insertAt(node.values, at, value);
        return undefined;
      }
      return splitLeaf(node, at, key, value);
    }
    const at = upperBound(node.keys, key);
    const split = this.#insert(node.children[at] as Node<V>, key, value);
    if (split === undefined) return undefined;
    insertAt(node.keys, at, split.key);
    insertAt(node.children, at + 1, split.right);
    return node.children.length > capacity ? splitBranch(node) : undefined;
  }

  #remove(node: Node<V>, key: string): boolean {
    if (node.kind === 'leaf') {
      const at = lowerBound(node.keys, key);
      if (node.keys[at] !== key) return false;
      node.keys.splice(at, 1);
      node.values.splice(at, 1);
      return true;
    }
    const at = upperBound(node.keys, key);
    const child = node.children[at] as Node<V>;
    if (!this.#remove(child, key)) return false;
    if (sizeOf(child) < sparse) {
      if (!mergeRight(node, at) && at > 0) mergeRight(node, at - 1);
    }
    return true;
  }
}

/** First position whose key is not below `key`. */
function lowerBound(keys: readonly string[], key: string): number {
  let low = 0;
  let high = keys.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if ((keys[middle] as string) < key) low = middle + 1;
    else high = middle;
  }
  return low;
}

/** First position whose key is above `key`. */
function upperBound(keys: readonly string[], key: string): number {
  let low = 0;
  let high = keys.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if ((keys[middle] as string) <= key) low = middle + 1;
    else high = middle;
  }
  return low;
}

function insertAt<T>(list: T[], at: number, item: T): void {
  if (at === list.length) list.push(item);
  else list.splice(at, 0, item);
}

function splitLeaf<V>(leaf: Leaf<V>, at: number, key: string, value: V): Split<V> {
  // A key behind all others is most likely followed by more of its kind: the left leaf stays full.
  const middle = at === leaf.keys.length ? at : leaf.keys.length >>> 1;
  const right: Leaf<V> = {
    kind: 'leaf',
    keys: leaf.keys.splice(middle),
    values: leaf.values.splice(middle),
    next: leaf.next,
  };
  leaf.next = right;
  const target = at < middle ? leaf : right;
  const position = at < middle ? at : at - middle;
  insertAt(target.keys, position, key);
  insertAt(target.values, position, value);
  return { key: right.keys[0] as string, right };
}

function splitBranch<V>(branch: Branch<V>): Split<V> {
  const middle = branch.children.length >>> 1;
  const right: Branch<V> = {
    kind: 'branch',
    keys: branch.keys.splice(middle),
    children: branch.children.splice(middle),
  };
  const key = branch.keys.pop() as string;
  return { key, right };
}

function sizeOf<V>(node: Node<V>): number {
  return node.kind === 'leaf' ? node.keys.length : node.children.length;
}

/** Merges the child after `at` into the one at `at`, where both fit. */
function mergeRight<V>(parent: Branch<V>, at: number): boolean {
  const left = parent.children[at];
  const right = parent.children[at + 1];
  const separator = parent.keys[at];
  if (left === undefined || right === undefined || separator === undefined) return false;
  if (sizeOf(left) + sizeOf(right) > mergeable) return false;
  if (left.kind === 'leaf' && right.kind === 'leaf') {
    left.keys.push(...right.keys);
    left.values.push(...right.values);
    left.next = right.next;
  } else if (left.kind === 'branch' && right.kind === 'branch') {
    left.keys.push(separator, ...right.keys);
    left.children.push(...right.children);
  }
  parent.keys.splice(at, 1);
  parent.children.splice(at + 1, 1);
  return true;
}
