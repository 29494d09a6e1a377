import 'graphiql/setup-workers/vite';
import 'graphiql/style.css';
import '@graphiql/plugin-explorer/style.css';
import '@fontsource/ibm-plex-sans-arabic/arabic-400.css';
import '@fontsource/ibm-plex-sans-arabic/arabic-600.css';
import './page.css';
import { explorerPlugin } from '@graphiql/plugin-explorer';
import { useGraphiQLActions } from '@graphiql/react';
import { GraphiQL, HISTORY_PLUGIN } from 'graphiql';
import { useEffect, useState } from 'react';
import { createRoot } from 'react-dom/client';
import { Bar } from './bar.jsx';
import { TABS } from './examples.js';
import { examplesPlugin } from './examples-plugin.jsx';
import { fetcher, onRecovery } from './graph.js';
import { language, setLanguage } from './words.js';

// Made once: a new array on a later render closes whichever plugin is open.
const PLUGINS = [examplesPlugin, explorerPlugin({ showAttribution: false }), HISTORY_PLUGIN];

/** Reads the schema once the server is back: GraphiQL by itself waits for a click. */
function SchemaWhenBack() {
  const { introspect } = useGraphiQLActions();
  useEffect(() => onRecovery(introspect), [introspect]);
  return null;
}

function Page() {
  const [current, setCurrent] = useState(language());
  const change = (next) => {
    setLanguage(next);
    setCurrent(next);
  };
  return (
    <>
      <Bar language={current} onLanguage={change} />
      <main className="ide">
        <GraphiQL
          fetcher={fetcher}
          plugins={PLUGINS}
          defaultTabs={TABS}
          defaultEditorToolsVisibility="variables"
          showPersistHeadersSettings={false}
        >
          <GraphiQL.Logo> </GraphiQL.Logo>
          <SchemaWhenBack />
        </GraphiQL>
      </main>
    </>
  );
}

createRoot(document.getElementById('root')).render(<Page />);
