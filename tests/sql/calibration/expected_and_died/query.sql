SELECT brand_id, model, known_on, tests, expected_millionths, expected, died FROM calibration
