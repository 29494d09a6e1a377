/** The bar on top: who is signed in, for which company, in which language. */
import { useCallback, useEffect, useState } from 'react';
import { ask, config, inSandbox, NoAnswer, onIdentityChange, onRecovery, setToken, withReturn } from './graph.js';
import { words } from './words.js';

const VIEWER = `query Bar {
  viewer {
    user { name }
    token { name displayCode }
    account { id name }
    role
    companies(first: 100) { nodes { id name } }
  }
}`;

const SWITCH = `mutation BarSwitch($companyId: ID!) {
  switchAccount(input: {companyId: $companyId}) { userErrors { message } }
}`;

const firstMessage = (errors) => errors?.[0]?.message;

async function loadViewer() {
  const answer = await ask({ query: VIEWER, operationName: 'Bar' });
  // A refused field is null beside an error: show what there is, complain only when there is nothing.
  if (!answer.data) throw new NoAnswer(firstMessage(answer.errors) ?? words().failed);
  return answer.data.viewer ?? null;
}

async function switchTo(companyId) {
  const answer = await ask({ query: SWITCH, variables: { companyId }, operationName: 'BarSwitch' });
  const problem = firstMessage(answer.data?.switchAccount?.userErrors) ?? firstMessage(answer.errors);
  if (problem) throw new NoAnswer(problem);
}

/** {viewer, problem, busy, reload, choose}. `viewer` is undefined until the first answer and null for nobody. */
function useViewer(language) {
  const [state, setState] = useState({ viewer: undefined, problem: null, busy: true });

  const reload = useCallback(async (before) => {
    setState((old) => ({ ...old, busy: true, problem: null }));
    let problem = null;
    try {
      await before?.();
    } catch (error) {
      problem = error.message;
    }
    try {
      const viewer = await loadViewer();
      setState({ viewer, problem, busy: false });
    } catch (error) {
      setState((old) => ({ ...old, busy: false, problem: problem ?? error.message }));
    }
  }, []);

  useEffect(() => {
    reload();
    const stops = [onIdentityChange(reload), onRecovery(reload)];
    return () => stops.forEach((stop) => stop());
    // The language too: names come in the language asked for.
  }, [reload, language]);

  return { ...state, reload, choose: (companyId) => reload(() => switchTo(companyId)) };
}

function CompanySelect({ viewer, busy, choose }) {
  const listed = viewer.companies?.nodes ?? [];
  const { account } = viewer;
  const companies = account && !listed.some((one) => one.id === account.id) ? [account, ...listed] : listed;
  if (!companies.length) return <span className="bar-quiet">{words().noCompany}</span>;
  return (
    <select
      aria-label={words().company}
      title={words().company}
      value={account?.id ?? ''}
      disabled={busy}
      onChange={(event) => choose(event.target.value)}
    >
      {!account && (
        <option value="" disabled>
          {words().chooseCompany}
        </option>
      )}
      {companies.map((one) => (
        <option key={one.id} value={one.id}>
          {one.name}
        </option>
      ))}
    </select>
  );
}

function Person({ viewer }) {
  const name = viewer.user?.name ?? [words().token, viewer.token?.displayCode].filter(Boolean).join(' ');
  return (
    <span className="bar-person">
      <bdi className="bar-name">{name}</bdi>
      {viewer.role && <span className="bar-role">{words().roles[viewer.role] ?? viewer.role}</span>}
    </span>
  );
}

function SignOut() {
  // A form, because signing out changes something: a link could be prefetched, or put into someone else's page.
  return (
    <form method="post" action={withReturn(config.logoutUrl)}>
      <button type="submit">{words().signOut}</button>
    </form>
  );
}

function TokenField() {
  return (
    <input
      type="password"
      className="bar-token"
      dir="ltr"
      autoComplete="off"
      spellCheck="false"
      placeholder={words().sandboxToken}
      aria-label={words().sandboxToken}
      onChange={(event) => setToken(event.target.value)}
    />
  );
}

function Who({ viewer, problem, busy, reload, choose }) {
  if (viewer === undefined) {
    if (!problem) return <span className="bar-quiet">{words().loading}</span>;
    return (
      <button type="button" disabled={busy} onClick={() => reload()}>
        {words().tryAgain}
      </button>
    );
  }
  if (inSandbox) return viewer && <Person viewer={viewer} />;
  if (viewer === null) {
    return (
      <>
        <span className="bar-quiet">{words().anonymous}</span>
        <a className="bar-button" href={withReturn(config.loginUrl)}>
          {words().signIn}
        </a>
      </>
    );
  }
  return (
    <>
      <Person viewer={viewer} />
      <CompanySelect viewer={viewer} busy={busy} choose={choose} />
      <SignOut />
    </>
  );
}

function Languages({ language, onLanguage }) {
  return (
    <span className="bar-languages" role="group" aria-label={words().language}>
      {[
        ['ar', 'العربية'],
        ['en', 'English'],
      ].map(([code, name]) => (
        <button key={code} type="button" lang={code} aria-pressed={language === code} onClick={() => onLanguage(code)}>
          {name}
        </button>
      ))}
    </span>
  );
}

export function Bar({ language, onLanguage }) {
  const who = useViewer(language);
  return (
    <header className="bar" lang={language} dir={language === 'ar' ? 'rtl' : 'ltr'}>
      <strong className="bar-portal">
        {words().portal} <span dir="ltr">GraphiQL</span>
      </strong>
      {who.problem && (
        <span className="bar-problem" role="alert">
          <bdi>{who.problem}</bdi>
        </span>
      )}
      <span className="bar-space" />
      {inSandbox && <span className="bar-role">{words().sandbox}</span>}
      {inSandbox && <TokenField />}
      <Who {...who} />
      <Languages language={language} onLanguage={onLanguage} />
    </header>
  );
}
