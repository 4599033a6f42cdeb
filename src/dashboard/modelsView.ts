import { WireError } from '../client/client.ts';
import type { Daemon } from './daemon.ts';
import { command, h } from './dom.ts';

interface Models {
  readonly models: readonly {
    readonly name: string;
    readonly versions: readonly number[];
    readonly active: number;
  }[];
  readonly served: readonly {
    readonly model: string;
    readonly name: string;
    readonly version: number | null;
    readonly problem: string | null;
  }[];
}

/** The repository: which version is in force, and another one put in force, for those who may. */
export function modelsView(daemon: Daemon): HTMLElement {
  const body = h('div', {}, h('p', { class: 'soft' }, 'Loading…'));
  const notice = h('p', { class: 'notice', role: 'status', hidden: true });
  const element = h('div', {}, h('div', { class: 'head' }, h('h1', {}, 'Models')), notice, body);

  function tell(text: string, bad: boolean): void {
    notice.textContent = text;
    notice.hidden = false;
    notice.classList.toggle('bad', bad);
  }

  async function change(what: string, path: string, request: object): Promise<void> {
    if (!(await confirmed(what))) return;
    try {
      const { name, version, previous } = await daemon.ask<{
        name: string;
        version: number;
        previous: number;
      }>(path, request);
      tell(
        `${name}@${version} is in force; before it was ${name}@${previous}. Streams change over at a stated sample, without a hole.`,
        false,
      );
    } catch (error) {
      tell(`Nothing has changed: ${(error as Error).message}`, true);
    }
    await load();
  }

  async function load(): Promise<void> {
    let found: Models;
    try {
      found = await daemon.ask<Models>('/v1/models');
    } catch (error) {
      body.replaceChildren(refused(error as Error));
      return;
    }
    if (found.models.length === 0) {
      body.replaceChildren(
        h(
          'div',
          { class: 'empty' },
          h('h2', {}, 'The repository is empty'),
          h('p', {}, 'Train a kernel from a recording:'),
          command('npx firtrend train recordings/gait-accelerometer.csv --name walk'),
        ),
      );
      return;
    }
    body.replaceChildren(
      table(found),
      h(
        'p',
        { class: 'soft' },
        'A version that is promoted takes over in each stream at a stated sample, as if it had always been there. Another one comes from:',
      ),
      command(`npx firtrend train recording.csv --name ${found.models[0]!.name}`),
    );
  }

  function table({ models, served }: Models): HTMLElement {
    const serving = (name: string, version: number) =>
      served.filter((each) => each.name === name && each.version === version);
    const rows = models.flatMap(({ name, versions, active }) =>
      [...versions].reverse().map((version, i) => {
        const uses = serving(name, version);
        const problems = uses.flatMap(({ problem }) => (problem === null ? [] : [problem]));
        return h(
          'tr',
          {},
          i === 0 ? h('th', { scope: 'rowgroup', rowspan: versions.length }, name) : undefined,
          h('td', {}, `@${version}`),
          h(
            'td',
            {},
            version === active && h('span', { class: 'badge good' }, 'in force'),
            ' ',
            uses.length > 0 && h('span', { class: 'badge' }, 'serving'),
            problems.map((problem) =>
              h('p', {}, h('span', { class: 'badge bad' }, 'problem'), ` ${problem}`),
            ),
          ),
          h(
            'td',
            {},
            version === active
              ? h(
                  'button',
                  {
                    type: 'button',
                    disabled: Math.min(...versions) === version,
                    onclick: () =>
                      void change(
                        `Roll ${name} back to the version below ${version}?`,
                        `/v1/models/${name}/rollback`,
                        {},
                      ),
                  },
                  'Roll back',
                )
              : h(
                  'button',
                  {
                    type: 'button',
                    onclick: () =>
                      void change(
                        `Put ${name}@${version} in force in place of @${active}?`,
                        `/v1/models/${name}/promote`,
                        { version },
                      ),
                  },
                  'Promote',
                ),
          ),
        );
      }),
    );
    return h(
      'div',
      { class: 'panel scroll' },
      h(
        'table',
        {},
        h(
          'thead',
          {},
          h(
            'tr',
            {},
            ['Model', 'Version', 'State', 'Change'].map((text) => h('th', { scope: 'col' }, text)),
          ),
        ),
        h('tbody', {}, rows),
      ),
    );
  }

  void load();
  return element;
}

function refused(error: Error): HTMLElement {
  const forbidden =
    error instanceof WireError && (error.code === 'forbidden' || error.code === 'unauthorised');
  return h(
    'div',
    { class: 'empty' },
    h('h2', {}, forbidden ? 'Models are for those with the scope admin' : 'The models cannot be listed'),
    h('p', {}, error.message),
    forbidden &&
      h('p', {}, 'Make a token that has it, put its hash into the configuration, and enter it here:'),
    forbidden && command("npx firtrend config token --name me --scope admin --scope 'subscribe:**'"),
  );
}

/** Asks first: a promotion changes every trend of the streams concerned. */
function confirmed(question: string): Promise<boolean> {
  return new Promise((resolve) => {
    const dialog = h('dialog', { 'aria-label': question }, h('p', {}, question));
    const answer = (yes: boolean) => () => {
      dialog.close(yes ? 'yes' : '');
    };
    dialog.append(
      h(
        'div',
        { class: 'row' },
        h('button', { type: 'button', class: 'main', onclick: answer(true) }, 'Yes'),
        h('button', { type: 'button', onclick: answer(false) }, 'Cancel'),
      ),
    );
    dialog.addEventListener('close', () => {
      resolve(dialog.returnValue === 'yes');
      dialog.remove();
    });
    document.body.append(dialog);
    dialog.showModal();
  });
}
