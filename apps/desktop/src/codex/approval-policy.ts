/** A request of the app-server that a person has to answer. */
export interface ServerRequest {
  /** May be 0. */
  readonly id: number | string;
  readonly method: string;
  readonly params: unknown;
}

/** What the person, or a policy in their name, decides. */
export type ApprovalDecision = 'accept' | 'decline';

/** Decides about requests of the app-server. */
export type ApprovalPolicy = (request: ServerRequest) => ApprovalDecision | Promise<ApprovalDecision>;

/** Nothing runs that the user has not agreed to. */
export const declineAll: ApprovalPolicy = () => 'decline';

/** For a user who has said beforehand that commands and file changes of this run are accepted. */
export const acceptAll: ApprovalPolicy = () => 'accept';

/** The answer on the wire: a result, or an error for requests that this client never grants. */
export type ServerRequestAnswer =
  | { readonly result: unknown }
  | { readonly error: { readonly code: number; readonly message: string } };

/**
 * Puts a decision in the words of a method. Only running a command and changing files inside the sandbox can be
 * accepted, each time for that one request: never for the session, and never more permissions or another sandbox.
 */
export function answerFor(request: ServerRequest, decision: ApprovalDecision): ServerRequestAnswer {
  switch (request.method) {
    case 'item/commandExecution/requestApproval':
    case 'item/fileChange/requestApproval':
      return { result: { decision: decision === 'accept' && widensSandbox(request.params) ? 'decline' : decision } };
    case 'mcpServer/elicitation/request':
      return { result: { action: 'decline', content: null, _meta: null } };
    default:
      return { error: { code: -32601, message: 'This client does not grant that.' } };
  }
}

/** Whether a request can be accepted at all. */
export function isApproval(method: string): boolean {
  return method === 'item/commandExecution/requestApproval' || method === 'item/fileChange/requestApproval';
}

/**
 * Requests to leave the sandbox come by the same methods as plain ones: with a reason why more is needed (an escalated
 * command), a network context, a further root to write, or another kind.
 */
function widensSandbox(params: unknown): boolean {
  if (typeof params !== 'object' || params === null) return true;
  const { reason, networkApprovalContext, grantRoot, kind } = params as Readonly<Record<string, unknown>>;
  const asked = [reason, networkApprovalContext, grantRoot];
  return asked.some((value) => value !== undefined && value !== null) || (kind !== undefined && kind !== 'command');
}
