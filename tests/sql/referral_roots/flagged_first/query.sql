SELECT member_id, name, invitees, depth, retained_share, buyers, revenue, left_72h_share, flags FROM referral_roots
