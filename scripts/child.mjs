/** Child processes of the scripts: run one to its end, quietly with the output kept, or in the foreground. */
import { spawn } from 'node:child_process';
import { constants } from 'node:os';

/** An error whose message is already meant for the reader: it is printed without a stack. */
export class Failure extends Error {
  /** @param {string} message @param {number} [exitCode] */
  constructor(message, exitCode = 1) {
    super(message);
    this.exitCode = exitCode;
  }
}

/**
 * Runs a program to its end with its output captured, and throws a `Failure` that carries the tail of the
 * output when it does not end with 0.
 * @param {string} command
 * @param {string[]} args
 * @param {{cwd?: string, env?: NodeJS.ProcessEnv, what?: string}} [options] `what` names the step in the error
 * @returns {Promise<string>} standard output
 */
export function quietly(command, args, { cwd, env, what = command } = {}) {
  return new Promise((resolve, reject) => {
    const child = spawn(command, args, { cwd, env: env ?? process.env, stdio: ['ignore', 'pipe', 'pipe'] });
    const out = [];
    const all = [];
    child.stdout.on('data', (chunk) => (out.push(chunk), all.push(chunk)));
    child.stderr.on('data', (chunk) => all.push(chunk));
    child.on('error', (error) => reject(new Failure(`${what} could not be started: ${error.message}`)));
    child.on('close', (code, signal) => {
      if (code === 0) return resolve(Buffer.concat(out).toString('utf8'));
      const tail = Buffer.concat(all).toString('utf8').trimEnd().split('\n').slice(-40).join('\n');
      reject(new Failure(`${what} failed (${signal ?? `exit code ${code}`}):\n${tail}`));
    });
  });
}

/**
 * Runs a program in the foreground: it shares the terminal, SIGINT, SIGTERM and SIGHUP sent to this process
 * are passed to it, and this process waits for it to end.
 * @param {string} command
 * @param {string[]} args
 * @param {{cwd?: string, env?: NodeJS.ProcessEnv, stdio?: import('node:child_process').StdioOptions}} [options]
 * @returns {Promise<number>} its exit code, or 128 + signal number when a signal ended it
 */
export function foreground(command, args, { cwd, env, stdio = 'inherit' } = {}) {
  return new Promise((resolve, reject) => {
    const child = spawn(command, args, { cwd, env: env ?? process.env, stdio });
    const signals = ['SIGINT', 'SIGTERM', 'SIGHUP'];
    // A terminal's Ctrl-C reaches the child by itself as well; a signal sent to this process alone does not.
    const pass = (signal) => child.kill(signal);
    for (const signal of signals) process.on(signal, pass);
    const settle = (action) => {
      for (const signal of signals) process.off(signal, pass);
      action();
    };
    child.on('error', (error) =>
      settle(() => reject(new Failure(`${command} could not be started: ${error.message}`))),
    );
    child.on('exit', (code, signal) =>
      settle(() => resolve(code ?? 128 + (signal ? (constants.signals[signal] ?? 0) : 0))),
    );
  });
}
