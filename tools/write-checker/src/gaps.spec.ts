import { gapAround, gapsBetween, longestGap } from './gaps';

describe('gaps between acknowledgements', () => {
  const gaps = gapsBetween([110, 120, 320, 330, 430, 440], 100, 450);

  it('has the longest, and when it was', () => {
    expect(longestGap(gaps)).toEqual({ ms: 200, from: 120, to: 320, over: true });
  });

  it('has the longest of those that reach into a part of the run', () => {
    expect(longestGap(gaps, { from: 320 })).toEqual({ ms: 100, from: 330, to: 430, over: true });
    expect(longestGap(gaps, { from: 200 })).toMatchObject({ ms: 200 });
    expect(longestGap(gaps, { to: 120 })).toMatchObject({ ms: 10 });
    expect(longestGap(gaps, { from: 325, to: 328 })).toMatchObject({ ms: 10, from: 320 });
  });

  it('has the one that an instant is in', () => {
    expect(gapAround(gaps, 200)).toMatchObject({ from: 120, to: 320 });
    expect(gapAround(gaps, 320)).toMatchObject({ from: 320, to: 330 });
    expect(gapAround(gaps, 99)).toMatchObject({ ms: 0 });
  });

  it('counts the time since the last acknowledgement', () => {
    expect(longestGap(gapsBetween([110, 120], 100, 5000))).toEqual({
      ms: 4880,
      from: 120,
      to: 5000,
      over: false,
    });
  });

  it('counts the whole run when nothing was acknowledged', () => {
    expect(longestGap(gapsBetween([], 100, 5000))).toMatchObject({ ms: 4900, over: false });
  });

  it('has no open gap when an acknowledgement came after the end', () => {
    expect(gapsBetween([110, 460], 100, 450)).toEqual([
      { ms: 10, from: 100, to: 110, over: true },
      { ms: 350, from: 110, to: 460, over: true },
    ]);
  });
});
