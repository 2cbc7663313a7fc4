import { isIP } from 'node:net';
import type { V1NetworkPolicyPeer } from '@kubernetes/client-node' with { 'resolution-mode': 'import' };

/** One service that agents may connect to, over TCP. */
export interface EgressTarget {
  name: string;
  to: V1NetworkPolicyPeer;
  port: number;
}

/**
 * What a NetworkPolicy has to name so that a URL can be reached. Policies know addresses and labels, not host names,
 * so the host must be an IP address or `<service>.<namespace>.svc...`, whose pods carry the label `app=<service>` and
 * listen on the URL's port; any other name stands for the owner's host where its address is known.
 * @param hostIp `SERVER_A_HOST_IP`, or empty
 * @throws Error naming the variable when no policy can be written for the URL
 */
export function egressTarget(name: string, variable: string, url: string, hostIp: string): EgressTarget {
  if (!URL.canParse(url) || !/^https?:$/.test(new URL(url).protocol)) {
    throw new Error(`${variable} must be an http or https URL, this is ${JSON.stringify(url)}`);
  }
  const parsed = new URL(url);
  const port = parsed.port === '' ? (parsed.protocol === 'https:' ? 443 : 80) : Number(parsed.port);
  const host = parsed.hostname.replace(/^\[|\]$/g, '');
  const family = isIP(host);
  if (family !== 0) return { name, to: { ipBlock: { cidr: `${host}/${family === 6 ? 128 : 32}` } }, port };
  const [service = '', namespace = '', svc] = host.split('.');
  if (svc === 'svc') {
    return {
      name,
      to: {
        namespaceSelector: { matchLabels: { 'kubernetes.io/metadata.name': namespace } },
        podSelector: { matchLabels: { app: service } },
      },
      port,
    };
  }
  if (hostIp !== '') {
    return { name, to: { ipBlock: { cidr: `${hostIp}/${isIP(hostIp) === 6 ? 128 : 32}` } }, port };
  }
  throw new Error(
    `${variable}: a network policy cannot name the host ${JSON.stringify(host)} of the ${name} service; use an IP ` +
      'address or <service>.<namespace>.svc.<domain>' +
      (name === 'object-storage' ? ', or give its addresses as CIDR blocks' : ', or set SERVER_A_HOST_IP'),
  );
}
