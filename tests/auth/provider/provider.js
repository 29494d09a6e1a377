// A certified OpenID provider that is not ours, on loopback: `node provider.js <its port> <our address> <client secret>`.
// It says "ready" on a line of its own. Whoever signs in is the person of that subject; any password will do.

import { generateKeyPairSync } from 'node:crypto';
import { createServer } from 'node:http';
import Provider from 'oidc-provider';

const [port, ours, secret] = process.argv.slice(2);
const key = (type, options, more) => ({ ...generateKeyPairSync(type, options).privateKey.export({ format: 'jwk' }), use: 'sig', ...more });

const people = {
  sara: {
    name: 'سارة الزهراني',
    national_id: '2000000006',
    email: 'sara@example.sa',
    phone_number: '0512345678',
    locale: 'en-GB',
    establishments: [{ establishment_number: '41-77', unified_number: '7000000041', name_ar: 'مؤسسة سارة' }],
  },
  omar: { name: 'عمر الزهراني', national_id: '1000000024' },
  // Whom the portal cannot take: the check digit is wrong.
  nobody: { name: 'Nobody', national_id: '1000000000' },
};

const provider = new Provider(`http://127.0.0.1:${port}`, {
  clients: [{
    client_id: 'telework',
    client_secret: secret,
    redirect_uris: [`${ours}/auth/callback`],
    post_logout_redirect_uris: [`${ours}/graphiql`],
    backchannel_logout_uri: `${ours}/auth/backchannel-logout`,
    backchannel_logout_session_required: true,
    id_token_signed_response_alg: 'ES384',
  }],
  jwks: { keys: [key('rsa', { modulusLength: 2048 }, { kid: 'rsa' }), key('ec', { namedCurve: 'P-384' }, { kid: 'ec', alg: 'ES384' })] },
  claims: { openid: ['sub', 'national_id', 'establishments', 'sid'], profile: ['name', 'locale'], email: ['email'], phone: ['phone_number'] },
  cookies: { keys: ['of a test'] },
  // Loopback addresses are forbidden to it by its own dispatcher; here there is nothing else.
  fetch: (url, { dispatcher, ...options }) => fetch(url, options),
  features: { backchannelLogout: { enabled: true } },
  enabledJWA: { idTokenSigningAlgValues: ['ES384'] },
  pkce: { required: () => true },
  findAccount: async (_, id) => people[id] && { accountId: id, claims: async () => ({ sub: id, ...people[id] }) },
});

createServer(provider.callback()).listen(Number(port), '127.0.0.1', () => console.log('ready'));
