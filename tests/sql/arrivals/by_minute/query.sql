SELECT minute, stream, rows FROM arrivals ORDER BY minute, stream
