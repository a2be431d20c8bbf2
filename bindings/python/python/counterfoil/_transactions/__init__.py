"""How `counterfoil.transactions` works: what is claimed, in which database, and by which driver."""
