import { timelineOf } from './history';

describe('timelineOf', () => {
  const begins = [
    { timeline: 2, position: 20 },
    { timeline: 3, position: 30 },
  ];

  it.each([
    [35, 3, 3],
    [30, 3, 3],
    [29, 3, 2],
    [19, 3, 1],
    [25, 2, 2],
    // Where an unknown timeline began is unknown.
    [10, 4, 4],
  ])('of position %d in a segment of timeline %d is %d', (position, timeline, expected) => {
    expect(timelineOf(position, timeline, begins)).toBe(expected);
  });
});
