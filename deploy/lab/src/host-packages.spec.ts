import { missingPackages } from './host-packages';

describe('missingPackages', () => {
  it('names each package once, and none when all is there', () => {
    expect(missingPackages(() => true)).toEqual([]);
    expect(missingPackages((need) => need !== 'systemd-nspawn' && need !== 'nft')).toEqual([
      'systemd-container',
      'nftables',
    ]);
  });
});
