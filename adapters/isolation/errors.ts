/** Untrusted code cannot be isolated on this machine; the message says what is missing and how to get it. */
export class IsolationUnavailable extends Error {
  override readonly name = 'IsolationUnavailable';
}

/** A sandbox did not come up or ended without being asked to, by no fault of the code in it. */
export class SandboxFailure extends Error {
  override readonly name = 'SandboxFailure';
}
