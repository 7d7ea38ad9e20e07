"""Convex solvers: L-BFGS, logistic regression, ridge, SVR."""
