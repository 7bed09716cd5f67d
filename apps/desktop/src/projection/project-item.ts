type Fields = Readonly<Record<string, unknown>>;

/** The members of a thread item that are published, by its type. Other types are published as their type and id only. */
const published: Readonly<Record<string, readonly string[]>> = {
  userMessage: [],
  agentMessage: ['text', 'phase'],
  plan: ['text'],
  commandExecution: ['command', 'cwd', 'status', 'exitCode', 'durationMs', 'aggregatedOutput', 'source'],
  // Which files and how, not the contents: a diff holds whole files of the user.
  fileChange: ['status'],
  mcpToolCall: ['server', 'tool', 'status', 'durationMs'],
  webSearch: ['query'],
};

/** What is published of a thread item. */
export function projectItem(value: unknown): Fields {
  const item = asFields(value);
  const type = typeof item.type === 'string' ? item.type : 'unknown';
  const changes = type === 'fileChange' ? { changes: projectChanges(item.changes) } : {};
  const said = type === 'userMessage' ? { content: projectContent(item.content) } : {};
  const members = Object.hasOwn(published, type) ? (published[type] ?? []) : [];
  return { type, ...pick(item, ['id', ...members, 'startedAtMs', 'completedAtMs']), ...changes, ...said };
}

/** Texts as they are; images and files of the user by their type alone. */
function projectContent(value: unknown): readonly Fields[] {
  if (!Array.isArray(value)) return [];
  return value.map((part) => pick(asFields(part), asFields(part).type === 'text' ? ['type', 'text'] : ['type']));
}

function projectChanges(value: unknown): readonly Fields[] {
  return Array.isArray(value) ? value.map((change) => pick(asFields(change), ['path', 'kind'])) : [];
}

/** The named members that are present and not null. */
export function pick(fields: Fields, names: readonly string[]): Fields {
  return Object.fromEntries(
    names.flatMap((name) => (fields[name] === undefined || fields[name] === null ? [] : [[name, fields[name]]])),
  );
}

/** A value as an object; empty when it is none. */
export function asFields(value: unknown): Fields {
  return typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Fields) : {};
}
