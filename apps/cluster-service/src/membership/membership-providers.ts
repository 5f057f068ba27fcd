import { DurabilityFollower } from './durability-follower';
import { LeadershipCompletion } from './leadership-completion';
import { LeadershipFollower } from './leadership-follower';
import { LeadershipRows } from './leadership-rows';
import { MemberEvents } from './member-events';
import { Membership } from './membership';
import { Rejoins } from './rejoins';
import { SightRows } from './sight-rows';
import { Wholeness } from './wholeness';

/** The providers that process changes. MembershipWatch brings the changes from etcd. */
export const membershipProviders = [
  Membership,
  SightRows,
  LeadershipRows,
  LeadershipFollower,
  LeadershipCompletion,
  MemberEvents,
  Wholeness,
  DurabilityFollower,
  Rejoins,
];
