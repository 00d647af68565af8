"""The analytics service: windows, rules, insights and alerts, made from the event log as it arrives."""
