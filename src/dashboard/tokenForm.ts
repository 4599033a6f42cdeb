import { tokens } from './daemon.ts';
import { command, h } from './dom.ts';

/** Asks for a token. @param why what the daemon said of the last one */
export function tokenForm(why: string | undefined, entered: () => void): HTMLElement {
  const input = h('input', {
    type: 'password',
    id: 'token',
    autocomplete: 'off',
    required: true,
    spellcheck: 'false',
  });
  const form = h(
    'form',
    {
      onsubmit: (event: Event) => {
        event.preventDefault();
        tokens.set(input.value.trim());
        entered();
      },
    },
    h('p', {}, h('label', { for: 'token' }, 'Token')),
    input,
    h('div', { class: 'row' }, h('button', { type: 'submit', class: 'main' }, 'Enter')),
  );
  queueMicrotask(() => input.focus());
  return h(
    'div',
    { class: 'empty' },
    h('h1', {}, 'This daemon asks for a token'),
    why !== undefined && h('p', { class: 'notice bad', role: 'alert' }, `The last one was refused: ${why}`),
    form,
    h('p', {}, 'It stays in this tab. The operator makes one that may look at every stream with:'),
    command("npx firtrend config token --name dashboard --scope 'subscribe:**'"),
    h(
      'p',
      { class: 'soft' },
      'Its hash goes into auth.tokens of the configuration; with the scope admin it may promote models too.',
    ),
  );
}
