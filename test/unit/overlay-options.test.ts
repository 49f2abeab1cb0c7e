import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { OVERLAY_OPTION_TABLE, parseOverlayOptions } from '../../drivers/overlay/options.ts';
import { refuses } from '../support/refusal.ts';

const README = readFileSync(new URL('../../README.md', import.meta.url), 'utf8');

describe('options of an overlay network', () => {
  it('stand in the README as they are', () => {
    for (const { key, default: fallback, meaning } of OVERLAY_OPTION_TABLE) {
      const row = `| ${key} | ${fallback} | ${meaning.replaceAll('|', '\\|')} |`;
      assert.ok(README.includes(row), `the README lacks the row\n${row}`);
    }
  });

  it('take a VNI of 24 bits by either name', () => {
    assert.equal(parseOverlayOptions({ 'tsoverlay.vni': '16777215' }).vni, 0xffffff);
    assert.equal(parseOverlayOptions({ 'com.docker.network.driver.overlay.vxlanid_list': '4097' }).vni, 4097);
    for (const value of ['0', '16777216', '-1', 'x', '99999999999']) refuses(() => parseOverlayOptions({ 'tsoverlay.vni': value }), 'INVALID', /from 1 to 16777215/);
    refuses(() => parseOverlayOptions({ 'tsoverlay.port': '65536' }), 'INVALID', /from 1 to 65535/);
  });
});
