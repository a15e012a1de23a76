"""The translation function that every text a user sees goes through."""

from pyramid.i18n import TranslationStringFactory

_ = TranslationStringFactory("ponytracker")
