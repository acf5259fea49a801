"""What a person looks at before the market opens: is it fit to fly, and who is logged in at Kite?"""
