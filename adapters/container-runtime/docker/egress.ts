/** Which of the owner's services an agent may reach, and under which addresses it finds them. */
import { OwnerFault } from '../types';

/** The relay's name on the agent's network. */
export const RELAY_ALIAS = 'eirel-relay';
/** The relay's name for the machine that the engine runs on. */
export const HOST_ALIAS = 'host.docker.internal';
/** First port of the relay for services over plain HTTP. */
const FIRST_PORT = 18_100;

/** The relay passes connections to its port `listen` on to `host:port`. */
export interface Route {
  listen: number;
  host: string;
  port: number;
}

export interface EgressPlan {
  routes: Route[];
  /** Further names of the relay on the agent's network: the hosts of services over HTTPS. */
  aliases: string[];
  /** What the agent's environment says instead. */
  env: Record<string, string>;
}

/**
 * Sends every address in the named variables through the relay. Over HTTP the address is rewritten to the relay's;
 * over HTTPS it stays, for the sake of its certificate, and its host name leads to the relay.
 * @throws OwnerFault `egress_unsupported` for addresses that cannot be told apart that way
 */
export function planEgress(env: Readonly<Record<string, string>>, variables: readonly string[]): EgressPlan {
  const plan: EgressPlan = { routes: [], aliases: [], env: { ...env } };
  for (const name of variables) {
    const value = env[name];
    if (value === undefined || value === '') continue;
    const url = URL.canParse(value) ? new URL(value) : null;
    if (url === null || !['http:', 'https:'].includes(url.protocol)) {
      throw unsupported(name, 'it is not an http or https address');
    }
    if (url.protocol === 'https:') routeSecure(plan, name, url);
    else plan.env[name] = routePlain(plan, url);
  }
  return plan;
}

function routePlain(plan: EgressPlan, url: URL): string {
  const target = { host: reachable(url.hostname), port: Number(url.port || 80) };
  const known = plan.routes.find(
    (route) => route.listen >= FIRST_PORT && route.host === target.host && route.port === target.port,
  );
  const route = known ?? { listen: nextPort(plan), ...target };
  if (known === undefined) plan.routes.push(route);
  const credentials = url.username === '' ? '' : `${url.username}${url.password ? `:${url.password}` : ''}@`;
  const path = `${url.pathname}${url.search}`;
  return `http://${credentials}${RELAY_ALIAS}:${route.listen}${path === '/' ? '' : path}`;
}

function routeSecure(plan: EgressPlan, name: string, url: URL): void {
  const port = Number(url.port || 443);
  if (!/[a-z]/i.test(url.hostname) || url.hostname.includes(':') || url.hostname === 'localhost') {
    throw unsupported(name, 'over https the address must have a host name, which its certificate is for');
  }
  if (port >= FIRST_PORT && port < FIRST_PORT + 100) {
    throw unsupported(name, `ports from ${FIRST_PORT} to ${FIRST_PORT + 99} belong to the relay`);
  }
  const known = plan.routes.find((route) => route.listen === port);
  if (known !== undefined && known.host !== url.hostname) {
    throw unsupported(name, `two hosts over https on port ${port}; give one of them another port`);
  }
  if (known === undefined) plan.routes.push({ listen: port, host: url.hostname, port });
  if (!plan.aliases.includes(url.hostname)) plan.aliases.push(url.hostname);
}

function nextPort(plan: EgressPlan): number {
  return FIRST_PORT + plan.routes.filter((route) => route.listen >= FIRST_PORT).length;
}

/** A loopback address means the machine of the engine, not the relay's own. */
function reachable(host: string): string {
  return host === 'localhost' || host === '[::1]' || host.startsWith('127.') ? HOST_ALIAS : host;
}

function unsupported(name: string, why: string): OwnerFault {
  return new OwnerFault('egress_unsupported', `agents cannot be given ${name}: ${why}`);
}
