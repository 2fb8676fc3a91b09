"""`vitals report`: one page of HTML per brand for the weekly review."""
