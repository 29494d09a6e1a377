// PostGraphile 5: its amber preset over our tables, lists instead of connections, and the few computed fields by its own extension points.
'use strict';
process.env.GRAPHILE_ENV = 'production';
const { createServer } = require('node:http');
const { postgraphile } = require('postgraphile');
const { grafserv } = require('postgraphile/grafserv/node');
const { PostGraphileAmberPreset } = require('postgraphile/presets/amber');
const { makePgService } = require('postgraphile/adaptors/pg');
const { extendSchema, gql } = require('postgraphile/utils');
const { BARE, PORT, POOL, account, connection, pg } = require('./common');

const signIn = new pg.Pool({ ...connection, options: '-c timezone=UTC' });

const computed = extendSchema((build) => {
  const { sql, grafast, dataplanPg } = build;
  const { context, lambda } = grafast;
  const { TYPES } = dataplanPg;
  const text = (make) => ($row) => $row.select(make($row), TYPES.text, 'text');
  const chosen = ([language, arabic, english]) => (language === 'en' && english !== null ? english : arabic);
  const inLanguage = (stem) => ($row) => lambda([context().get('language'), $row.get(`${stem}_ar`), $row.get(`${stem}_en`)], chosen, true);
  const number = text(($row) => {
    const alias = $row.getClassStep().alias;
    return sql`${alias}.labor_office_id::text || '-' || ${alias}.sequence_number::text`;
  });
  const day = sql`(now() at time zone 'Asia/Riyadh')::date`;
  return {
    typeDefs: gql`
      extend type Query { ownCompany(id: UUID!): Company }
      extend type Company { name: String! establishmentNumber: String! }
      extend type Establishment { establishmentNumber: String! }
      extend type Contract { state: String! }
      extend type Project { title: String! }
      extend type Job { title: String! state: String! }
    `,
    objects: {
      Query: {
        plans: {
          ownCompany(_, { $id }) {
            const $companies = build.pgResources.companies.find({ id: $id });
            if (!BARE) $companies.where(sql`${$companies.alias}.id = ${$companies.placeholder(context().get('account'), TYPES.uuid)}`);
            return $companies.single();
          },
        },
      },
      Company: { plans: { name: inLanguage('name'), establishmentNumber: number } },
      Establishment: { plans: { establishmentNumber: number } },
      Contract: {
        plans: {
          state: text(($row) => {
            const alias = $row.getClassStep().alias;
            return sql`case when ${alias}.terminated_at is not null then 'TERMINATED' when ${alias}.ends_on < ${day} then 'EXPIRED'
              when ${alias}.starts_on > ${day} then 'SCHEDULED' else 'ACTIVE' end`;
          }),
        },
      },
      Project: { plans: { title: inLanguage('title') } },
      Job: {
        plans: {
          title: inLanguage('title'),
          state: text(($row) => {
            const alias = $row.getClassStep().alias;
            return sql`case when ${alias}.status in ('OPEN', 'PAUSED') and ${alias}.filled >= ${alias}.vacancies then 'FILLED'
              when ${alias}.status in ('OPEN', 'PAUSED') and ${alias}.closes_at <= now() then 'EXPIRED' else ${alias}.status end`;
          }),
        },
      },
    },
  };
});

const preset = {
  extends: [PostGraphileAmberPreset],
  plugins: [computed],
  // Without PgIndexBehaviorsPlugin deleted_at, which no index holds, can be asked for.
  disablePlugins: ['PgIndexBehaviorsPlugin', 'MutationPlugin', 'MutationPayloadQueryPlugin', 'PgMutationCreatePlugin', 'PgMutationUpdateDeletePlugin'],
  pgServices: [makePgService({ poolConfig: { ...connection, max: POOL }, schemas: ['public'], pubsub: false })],
  schema: { defaultBehavior: '+list -connection' },
  grafserv: { port: PORT, graphiql: false, watch: false, maxRequestLength: 100000 },
  grafast: {
    explain: false,
    async context(request) {
      const headers = request.node.req.headers;
      const language = (headers['accept-language'] || '').startsWith('en') ? 'en' : 'ar';
      return BARE ? { language } : { language, account: (await account(signIn, headers)).company_id };
    },
  },
};

async function main() {
  const instance = postgraphile(preset);
  if (process.env.PRINT_SCHEMA) {
    console.log(require('graphql').printSchema(await instance.getSchema()));
    process.exit(0);
  }
  const server = createServer();
  await instance.createServ(grafserv).addTo(server);
  server.listen(PORT, '127.0.0.1');
}
main().catch((error) => {
  console.error(error);
  process.exit(1);
});
