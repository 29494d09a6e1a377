// What both peers share: the pool, the caller behind a token, the texts of dates. BARE=1 leaves out the sign-in and the tenant filter.
'use strict';
const { createHash } = require('node:crypto');
const zlib = require('node:zlib');
const pg = require('pg');

exports.BARE = process.env.BARE === '1';
exports.PORT = Number(process.argv[2]);
exports.POOL = Number(process.env.BENCH_POOL);
exports.connection = {
  host: process.env.BENCH_SOCKET,
  port: 5432,
  user: 'postgres',
  database: process.env.BENCH_DATABASE,
  max: exports.POOL,
};

// Dates stay text, the cheapest form; instants become RFC 3339 by cutting: the session is in UTC.
pg.types.setTypeParser(1082, (text) => text);
pg.types.setTypeParser(1184, (text) => text.slice(0, 10) + 'T' + text.slice(11) + ':00');
exports.pg = pg;

const CALLER = `select t.company_id, t.scopes from sp_tokens t join companies c on c.id = t.company_id join providers p on p.id = c.provider_id
  where t.secret_hash = $1 and t.environment = 'LIVE' and (t.revoked_at is null or t.revoked_at > $2) and (t.expires_at is null or t.expires_at > $2)`;

// The company that the request's token stands for; throws where there is none.
exports.account = async (pool, headers) => {
  const secret = (headers.authorization || '').slice(7);
  const body = secret.slice(0, -8);
  if (zlib.crc32(body).toString(16).padStart(8, '0') !== secret.slice(-8)) throw new Error('no such token');
  const hash = createHash('sha256').update(secret).digest('hex');
  const found = await pool.query({ name: 'caller', text: CALLER, values: [hash, new Date()] });
  if (!found.rows.length) throw new Error('no such token');
  return found.rows[0];
};

// The day in Riyadh.
exports.today = (now) => new Date(now.getTime() + 3 * 3600 * 1000).toISOString().slice(0, 10);
