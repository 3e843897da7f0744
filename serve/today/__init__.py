"""The leads that are open now: how they stand, why they moved, whom to call, whom to nurture.

- `open_leads`: which leads are open at a moment, and as the scorer takes them;
- `movement`: why a lead's score moved, part by part, exactly;
- `today_list`: the list of today, and what is to be said of it;
- `handoff`: the week's call list, and what would lift the others onto it;
- `explored`: what came of the lists, with those who were not called by those explored;
- `whatif`: one lead, tried with another field or one more event;
- `misses`: the customers that the test had scored low;
- `feedback`: what sales tells back, read with care;
- `pipeline`: what the open leads may bring by week.
"""
