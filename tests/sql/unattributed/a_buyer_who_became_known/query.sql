SELECT count() AS n FROM unattributed
