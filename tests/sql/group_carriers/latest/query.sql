SELECT group_id, bus_factor, top_id, top_share, leaders, silent_leaders, basis, warnings FROM group_carriers
