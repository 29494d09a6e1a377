// Mercurius on Fastify with its JIT: loaders with one statement a level, as its documentation shows them.
'use strict';
const Fastify = require('fastify');
const mercurius = require('mercurius');
const { BARE, PORT, account, connection, pg, today } = require('./common');

const pool = new pg.Pool({ ...connection, options: '-c timezone=UTC' });
const rows = async (name, text, values) => (await pool.query({ name, text, values })).rows;

const schema = `
type Query { company(id: ID!): Company }
type Company { id: ID! establishmentNumber: String! unifiedNumber: String name: String! nameAr: String! nameEn: String activity: String
  status: String! contracts(first: Int!): [Contract!]! jobs(first: Int!): [Job!]! }
type Establishment { id: ID! establishmentNumber: String! nameAr: String! nameEn: String activity: String }
type Contract { id: ID! number: String! status: String! startsOn: String! endsOn: String createdAt: String!
  establishment: Establishment! projects(first: Int!): [Project!]! }
type Project { id: ID! title: String! status: String! startsOn: String endsOn: String jobs(first: Int!): [Job!]! }
type Job { id: ID! title: String! titleAr: String! titleEn: String vacancies: Int! salaryMin: String status: String! weeklyHours: Int!
  createdAt: String! }
`;

const inLanguage = (stem, parameter) => `case when ${parameter} = 'en' and ${stem}_en is not null then ${stem}_en else ${stem}_ar end`;
const number = `labor_office_id::text || '-' || sequence_number::text as "establishmentNumber"`;
// $3 is the caller's company, null where nobody signs in.
const mine = BARE ? '$3::uuid is null' : 'company_id = $3';
const CONTRACTS = `select company_id as "companyId", establishment_id as "establishmentId", id, number, starts_on as "startsOn", ends_on as "endsOn",
  created_at as "createdAt", case when terminated_at is not null then 'TERMINATED' when ends_on < $4 then 'EXPIRED' when starts_on > $4
  then 'SCHEDULED' else 'ACTIVE' end as status from contracts where company_id = k.id and ${mine} order by created_at desc, id desc limit $2`;
const PROJECTS = `select contract_id as "contractId", id, ${inLanguage('title', '$4')} as title, status, starts_on as "startsOn", ends_on as "endsOn"
  from projects where contract_id = k.id and ${mine} and deleted_at is null order by created_at desc, id desc limit $2`;
const jobs = (key) => `select ${key} as parent, id, ${inLanguage('title', '$5')} as title, title_ar as "titleAr", title_en as "titleEn", vacancies,
  salary_min as "salaryMin", weekly_hours as "weeklyHours", created_at as "createdAt",
  case when status in ('OPEN', 'PAUSED') and filled >= vacancies then 'FILLED' when status in ('OPEN', 'PAUSED') and closes_at <= $4 then 'EXPIRED'
  else status end as status from jobs where ${key} = k.id and ${mine} and deleted_at is null order by created_at desc, id desc limit $2`;
const perParent = (text) => `select page.* from unnest($1::uuid[]) k(id) cross join lateral (${text}) page`;
const ESTABLISHMENTS = `select id, ${number}, name_ar as "nameAr", name_en as "nameEn", activity from establishments where id = any($1::uuid[])
  ${BARE ? 'and $2::uuid is null' : 'and exists (select 1 from contracts c where c.establishment_id = establishments.id and c.company_id = $2)'}`;
const COMPANY = `select id, ${number}, unified_number as "unifiedNumber", ${inLanguage('name', '$2')} as name, name_ar as "nameAr", name_en as "nameEn",
  activity, status from companies where id = $1 ${BARE ? 'and $3::uuid is null' : 'and id = $3'}`;

// cache: false avoids keys made of serialized parents, as the documentation advises.
const many = (name, text, parent, extra) => ({
  loader: async (queries, context) => {
    const first = queries[0].params.first;
    const children = new Map(queries.map((query) => [query.obj.id, []]));
    for (const row of await rows(name, perParent(text), [[...children.keys()], first, context.account, ...extra(context)])) {
      children.get(row[parent]).push(row);
    }
    return queries.map((query) => children.get(query.obj.id));
  },
  opts: { cache: false },
});

const app = Fastify({ logger: false });
app.register(mercurius, {
  schema,
  jit: 1,
  graphiql: false,
  context: async (request) => {
    const now = new Date();
    const caller = BARE ? { company_id: null } : await account(pool, request.headers);
    const language = (request.headers['accept-language'] || '').startsWith('en') ? 'en' : 'ar';
    return { account: caller.company_id, language, now, today: today(now) };
  },
  resolvers: {
    Query: { company: async (_, { id }, context) => (await rows('company', COMPANY, [id, context.language, context.account]))[0] ?? null },
  },
  loaders: {
    Company: {
      contracts: many('contracts', CONTRACTS, 'companyId', (context) => [context.today]),
      jobs: many('company_jobs', jobs('company_id'), 'parent', (context) => [context.now, context.language]),
    },
    Contract: {
      projects: many('projects', PROJECTS, 'contractId', (context) => [context.language]),
      establishment: {
        loader: async (queries, context) => {
          const found = new Map();
          const keys = [...new Set(queries.map((query) => query.obj.establishmentId))];
          for (const row of await rows('establishments', ESTABLISHMENTS, [keys, context.account])) found.set(row.id, row);
          return queries.map((query) => found.get(query.obj.establishmentId));
        },
        opts: { cache: false },
      },
    },
    Project: { jobs: many('project_jobs', jobs('project_id'), 'parent', (context) => [context.now, context.language]) },
  },
});
app.listen({ port: PORT, host: '127.0.0.1' });
