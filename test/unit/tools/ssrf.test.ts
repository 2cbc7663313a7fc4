import fc from 'fast-check';
import { checkHop, parseTarget, refusedKind, SsrfBlocked } from '../../../adapters/safe-fetch';

/** Every answer of a resolver that the names below would have, so that nothing here asks a real one. */
const NAMES: Record<string, string[]> = {
  'public.example': ['93.184.216.34'],
  'v6.example': ['2606:2800:220:1::1'],
  'loop.example': ['127.0.0.1'],
  'mixed.example': ['93.184.216.34', '10.0.0.1'],
  'mapped.example': ['::ffff:169.254.169.254'],
  'mixed6.example': ['2606:2800:220:1::1', 'fd00::1'],
  'zero.example': ['0.0.0.0'],
  'meta.example': ['169.254.169.254'],
  'nat64.example': ['64:ff9b::a9fe:a9fe'],
};
const options = {
  allowedTargets: new Set(['127.0.0.1:8099']),
  resolveMs: 1000,
  resolve: async (name: string) =>
    (NAMES[name.replace(/\.$/, '')] ?? []).map((address) => ({
      address,
      family: address.includes(':') ? 6 : 4,
    })),
};
const check = async (url: string) => checkHop(parseTarget(url), options);

const REFUSED: [family: string, urls: string[]][] = [
  [
    'loopback',
    [
      'http://127.0.0.1/',
      'http://127.0.0.1:6379/',
      'https://127.255.255.254/',
      'http://localhost/',
      'http://LOCALHOST/',
      'http://localhost./',
      'http://a.localhost/',
      'http://localhost.localdomain/',
      'http://[::1]/',
      'http://[0:0:0:0:0:0:0:1]/',
      'http://[0000::0001]:80/',
    ],
  ],
  ['decimal', ['http://2130706433/', 'http://3232235521/', 'http://2852039166/', 'http://0/']],
  [
    'octal',
    [
      'http://0177.0.0.1/',
      'http://0177.0000.0000.0001/',
      'http://017700000001/',
      'http://0251.0376.0251.0376/',
      'http://00000177.1/',
    ],
  ],
  ['hexadecimal', ['http://0x7f000001/', 'http://0x7f.0x0.0x0.0x1/', 'http://0xA9FEA9FE/', 'http://0x7F.1/']],
  ['short', ['http://127.1/', 'http://127.0.1/', 'http://10.1/', 'http://192.168.257/']],
  [
    'trailing dot and empty labels',
    ['http://127.0.0.1./', 'http://2130706433./', 'http://metadata.google.internal./', 'http://127.0.0.1../'],
  ],
  [
    'full-width and IDNA digits',
    [
      'http://１２７.０.０.１/',
      'http://①②⑦.⓪.⓪.①/',
      'http://127。0。0。1/',
      'http://ⓛⓞⓒⓐⓛⓗⓞⓢⓣ/',
      'http://loc\u00adalhost/',
    ],
  ],
  [
    'percent-encoded',
    ['http://%31%32%37.0.0.1/', 'http://127%2e0%2e0%2e1/', 'http://%6c%6f%63%61%6c%68%6f%73%74/'],
  ],
  [
    'private',
    [
      'http://10.0.0.1/',
      'http://10.255.255.255/',
      'http://172.16.0.1/',
      'http://172.31.255.255/',
      'http://192.168.0.1/',
      'http://[fc00::1]/',
      'http://[fd12:3456::1]/',
    ],
  ],
  ['link-local', ['http://169.254.0.1/', 'http://[fe80::1]/', 'http://[febf::1]/', 'http://[fec0::1]/']],
  ['zone ids', ['http://[fe80::1%25eth0]/', 'http://[fe80::1%eth0]/', 'http://[::1%25lo]/']],
  ['CGNAT', ['http://100.64.0.1/', 'http://100.127.255.255/']],
  [
    'metadata',
    [
      'http://169.254.169.254/latest/meta-data/',
      'http://metadata.google.internal/',
      'http://metadata/',
      'http://instance-data/',
      'http://instance-data.ec2.internal/',
      'http://[fd00:ec2::254]/',
      'http://100.100.100.200/',
      'http://168.63.129.16/',
      'http://192.0.0.192/',
    ],
  ],
  [
    'multicast and broadcast',
    ['http://224.0.0.1/', 'http://239.255.255.255/', 'http://[ff02::1]/', 'http://255.255.255.255/'],
  ],
  [
    'documentation, benchmark, reserved',
    [
      'http://192.0.2.1/',
      'http://198.51.100.7/',
      'http://203.0.113.9/',
      'http://[2001:db8::1]/',
      'http://[3fff::1]/',
      'http://198.18.0.1/',
      'http://240.0.0.1/',
      'http://[100::1]/',
      'http://[4000::1]/',
    ],
  ],
  [
    'unspecified',
    ['http://0.0.0.0/', 'http://0.0.0.0:8080/', 'http://0.1.2.3/', 'http://[::]/', 'http://[::0.0.0.0]/'],
  ],
  [
    'mapped, compatible, translated',
    [
      'http://[::ffff:127.0.0.1]/',
      'http://[::ffff:7f00:1]/',
      'http://[0:0:0:0:0:ffff:10.0.0.1]/',
      'http://[::ffff:8.8.8.8]/',
      'http://[::127.0.0.1]/',
      'http://[::ffff:0:127.0.0.1]/',
    ],
  ],
  [
    'NAT64',
    [
      'http://[64:ff9b::127.0.0.1]/',
      'http://[64:ff9b::a9fe:a9fe]/',
      'http://[64:ff9b:1::1]/',
      'http://nat64.example/',
    ],
  ],
  [
    '6to4 and Teredo',
    [
      'http://[2002:7f00:1::]/',
      'http://[2002:c0a8:1::1]/',
      'http://[2001:0:7f00:1::]/',
      'http://192.88.99.1/',
    ],
  ],
  [
    'userinfo',
    [
      'http://public.example@127.0.0.1/',
      'http://127.0.0.1@public.example/',
      'http://user:pass@public.example/',
      'http://public.example:80@127.0.0.1:6379/',
      'http://127.0.0.1\\@public.example/',
      'http://public.example%00@127.0.0.1/',
    ],
  ],
  [
    'schemes',
    [
      'file:///etc/passwd',
      'ftp://public.example/',
      'gopher://127.0.0.1:6379/_INFO',
      'dict://127.0.0.1:11211/',
      'data:text/html,x',
      'javascript:alert(1)',
      'ws://public.example/',
      'unix:/var/run/docker.sock',
      'jar:http://public.example!/',
    ],
  ],
  [
    'no URL',
    [
      '',
      '//127.0.0.1/',
      '/etc/passwd',
      'http://',
      'http:///',
      'public.example',
      'http://[::1',
      'http://999.1.1.1/',
      'http://1.2.3.4.5/',
      'http://public.example:99999/',
      'http://pub lic.example/',
    ],
  ],
  [
    'white space and control characters',
    [
      '\thttp://127.0.0.1/',
      'http://127.0.0.1\n/',
      'ht\ntp://127.0.0.1/',
      'http://127.0.0.1\t:80/',
      'http:\\\\127.0.0.1\\',
    ],
  ],
  [
    'scheme tricks',
    ['http:127.0.0.1', 'http:/127.0.0.1/', 'http:////127.0.0.1/', 'HTTP://127.0.0.1/', 'hTTps://[::1]/'],
  ],
  [
    'names that resolve to it',
    [
      'http://loop.example/',
      'http://LOOP.example./',
      'http://mixed.example/',
      'http://mapped.example/',
      'http://mixed6.example/',
      'http://zero.example/',
      'http://meta.example/',
    ],
  ],
  [
    'names of private zones',
    ['http://printer.local/', 'http://router.home.arpa/', 'http://svc.cluster.internal/'],
  ],
  ['near an allowed pair', ['http://127.0.0.1:8098/', 'http://127.0.0.2:8099/', 'http://localhost:8099/']],
];

describe('a URL that must not be fetched', () => {
  const cases = REFUSED.flatMap(([family, urls]) => urls.map((url) => [family, url] as const));
  it('comes in more than sixty spellings here', () => expect(cases.length).toBeGreaterThan(100));
  it.each(cases)('%s: %j', async (_family, url) => {
    await expect(check(url)).rejects.toBeInstanceOf(SsrfBlocked);
  });
});

describe('a URL that may be fetched', () => {
  it.each([
    ['http://public.example/', '93.184.216.34'],
    ['https://public.example:8443/a?b#c', '93.184.216.34'],
    ['http://v6.example/', '2606:2800:220:1::1'],
    ['http://8.8.8.8/', '8.8.8.8'],
    ['http://0x08080808/', '8.8.8.8'],
    ['http://[2606:4700::1111]/', '2606:4700::1111'],
    ['http://127.0.0.1:8099/x', '127.0.0.1'],
  ])('%s', async (url, address) => {
    expect((await check(url)).addresses.map((found) => found.address)).toEqual([address]);
  });
});

describe('the address check', () => {
  const byte = fc.integer({ min: 0, max: 255 });
  it('refuses every spelling of every private IPv4 address', async () => {
    const privateAddress = fc.oneof(
      fc.tuple(fc.constantFrom(0, 10, 127, 224, 240, 255), byte, byte, byte),
      fc.tuple(fc.constant(192), fc.constant(168), byte, byte),
      fc.tuple(fc.constant(172), fc.integer({ min: 16, max: 31 }), byte, byte),
      fc.tuple(fc.constant(169), fc.constant(254), byte, byte),
      fc.tuple(fc.constant(100), fc.integer({ min: 64, max: 127 }), byte, byte),
    );
    const spell = fc.array(fc.constantFrom('dec', 'oct', 'hex'), { minLength: 4, maxLength: 4 });
    await fc.assert(
      fc.asyncProperty(
        privateAddress,
        spell,
        fc.integer({ min: 1, max: 4 }),
        async (parts, styles, count) => {
          const [a, b, c, d] = parts;
          const numbers =
            count === 4
              ? [a, b, c, d]
              : count === 3
                ? [a, b, c * 256 + d]
                : count === 2
                  ? [a, (b * 256 + c) * 256 + d]
                  : [((a * 256 + b) * 256 + c) * 256 + d];
          const host = numbers
            .map((n, i) =>
              styles[i] === 'oct' ? `0${n.toString(8)}` : styles[i] === 'hex' ? `0x${n.toString(16)}` : n,
            )
            .join('.');
          await expect(check(`http://${host}/`)).rejects.toBeInstanceOf(SsrfBlocked);
          for (const prefix of ['::ffff:', '::', '64:ff9b::']) {
            await expect(check(`http://[${prefix}${parts.join('.')}]/`)).rejects.toBeInstanceOf(SsrfBlocked);
          }
          const hex = (n: number) => n.toString(16).padStart(2, '0');
          await expect(
            check(`http://[2002:${hex(a)}${hex(b)}:${hex(c)}${hex(d)}::]/`),
          ).rejects.toBeInstanceOf(SsrfBlocked);
        },
      ),
      { numRuns: 300 },
    );
  });

  it('calls text that is no address malformed', () => {
    for (const text of ['', 'x', '1.2.3', 'fe80::1%eth0', '127.0.0.1 '])
      expect(refusedKind(text)).not.toBeNull();
  });
});
