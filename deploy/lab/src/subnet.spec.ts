import { Subnet } from './subnet';

describe('Subnet', () => {
  it('counts hosts from the first address on', () => {
    const subnet = Subnet.parse('10.77.0.0/24');
    expect(subnet.gateway).toBe('10.77.0.1');
    expect(subnet.address(10)).toBe('10.77.0.10');
    expect(subnet.lastHost).toBe(254);
    expect(Subnet.parse('172.16.16.0/20').address(300)).toBe('172.16.17.44');
  });

  it('knows which addresses are its own', () => {
    const subnet = Subnet.parse('10.77.0.64/26');
    expect(
      ['10.77.0.63', '10.77.0.64', '10.77.0.127', '10.77.0.128'].map((address) => subnet.contains(address)),
    ).toEqual([false, true, true, false]);
  });

  it.each([
    '10.77.0.0',
    '10.77.0.1/24',
    '10.77.0.256/24',
    '10.0.0.0/8',
    '10.77.0.0/30',
    '',
    '10.77.0.0/24; rm',
  ])('refuses %s', (text) => expect(() => Subnet.parse(text)).toThrow());

  it('has no host outside', () => {
    expect(() => Subnet.parse('10.77.0.0/28').address(15)).toThrow('no host 15');
  });
});
